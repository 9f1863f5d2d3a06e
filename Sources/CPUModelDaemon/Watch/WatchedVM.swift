// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import Reactor

/// What one watch knows of one VM.
@ReactorActor
final class WatchedVM {
    let vm: RegisteredVM
    /// Those that have KVM write registers into the run pages for as long as the watch lasts.
    private var observers: [VCPUObserver] = []
    /// What was last known for sure, by vCPU and field.
    private var known: [Int: [RuntimeField: Known]] = [:]

    private struct Known {
        var value: LiveValue
        /// It was so at this time, or later.
        var since: ContinuousClock.Instant?
    }

    init(_ vm: RegisteredVM) { self.vm = vm }

    /// Has KVM write the registers of the vCPUs at each return to the VMM, if it does not yet.
    func observe() {
        guard observers.isEmpty || observers.contains(where: \.isClosed) else { return }
        release()
        observers = vm.vcpus.indices.compactMap(vm.observer(ofVCPU:))
        for observer in observers { observer.begin() }
    }

    /// Puts the run pages back as they were.
    func release() {
        for observer in observers { observer.end() }
        observers = []
        vm.releaseObservers()
    }

    /// What has changed in what a vCPU may use, since that was last known.
    func changes(in vcpu: CapsResult.VCPU) -> [VMEvent.CapsChange] {
        let now = ContinuousClock.now
        var values = known[vcpu.index, default: [:]]
        var changes: [VMEvent.CapsChange] = []
        for (field, value) in vcpu.runtime where value.missing.isEmpty {
            let since = value.ageMs.map { now - .milliseconds($0) }
            let before = values[field]
            if let before, Self.isOlder(value, since, than: before) { continue }
            if before?.value.content != value.content {
                changes.append(.init(field, from: before?.value, to: value))
            }
            values[field] = Known(value: value, since: since)
        }
        known[vcpu.index] = values
        return changes
    }

    /// The run page has what was at the last return to the VMM, which may be before KVM itself was asked.
    private static func isOlder(_ value: LiveValue, _ since: ContinuousClock.Instant?, than before: Known) -> Bool {
        guard value.source == .runPage, before.value.source == .kernel else { return false }
        guard let since, let last = before.since else { return true }
        return since < last
    }
}
