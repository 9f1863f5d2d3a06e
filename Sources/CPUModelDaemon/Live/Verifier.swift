// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import Reactor
import X86CPU

/// Reads the tables of VMs back, and holds them against what was recorded.
@ReactorActor
struct Verifier {
    let registry: VMRegistry
    let rules: RuntimeRules

    /// As many VMs are read at a time. Each answers for itself, so more than the machine has CPUs is of use.
    private static let width = 16

    /// Whether the vCPUs of a VM have still what was recorded; nil when the VM has gone meanwhile.
    func verify(_ vm: RegisteredVM, within deadline: Duration) async throws -> VMVerification? {
        let reading = LiveReading(
            vm, vcpus: Array(vm.record.report.vcpus.indices), source: .kernel, deadline: deadline, pageRefusal: nil)
        let sightings = try await reading.run()
        guard registry.entry(named: vm.record.name) === vm else { return nil }
        let verification = VMVerification(
            vm: vm.record.name,
            vcpus: sightings.enumerated().map { index, sighting in self.vcpu(index, of: vm.record, sighting) })
        registry.note(verification, of: vm)
        return verification
    }

    /// The same of several VMs, in their order, without those that have gone meanwhile.
    func verify(_ vms: [RegisteredVM], within deadline: Duration) async throws -> [VMVerification] {
        let end = ContinuousClock.now + deadline
        var found = [VMVerification?](repeating: nil, count: vms.count)
        var next = vms.indices
        let workers = (0..<min(Self.width, vms.count)).map { _ in
            ReactorActor.task {
                while let position = next.popFirst() {
                    found[position] = try await verify(vms[position], within: max(.zero, end - .now))
                }
            }
        }
        for worker in workers { try await worker.value }
        return found.compactMap(\.self)
    }

    private func vcpu(_ index: Int, of record: VMRecord, _ sighting: VCPUSighting) -> VMVerification.VCPU {
        let id = record.report.vcpus[index].vcpuID
        guard let reading = sighting.kernel?.reading else {
            return .init(index: index, vcpuID: id, reason: sighting.unavailable.first?.reason ?? "it was not read")
        }
        let recorded = record.tables[index]
        let predicted = rules.updated(recorded, state: PartialVCPUState(reading.registers))
        let differences =
            recorded.differences(in: reading.table, predicting: predicted)
            + msrDifferences(want: record.featureMSRs(ofVCPU: index), got: reading.featureMSRs)
        return .init(index: index, vcpuID: id, drift: differences.filter { $0.kind != .runtime })
    }
}
