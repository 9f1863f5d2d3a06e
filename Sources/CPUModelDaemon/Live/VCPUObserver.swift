// SPDX-License-Identifier: Apache-2.0

import KVM
import Reactor

/// Looks at one vCPU through its run page, for whoever is interested, and asks KVM for registers only meanwhile.
@ReactorActor
final class VCPUObserver {
    /// Registers as of a return of KVM_RUN.
    struct Sample: Sendable, Hashable {
        var cr4: UInt64
        var apicBase: UInt64?
        /// Before this, KVM_RUN had not returned with these registers; nil where that cannot be told, because the VMM uses
        /// the page itself.
        var since: ContinuousClock.Instant?
    }

    private var page: RunPage?
    private var users = 0
    /// Whether the request in the page is ours.
    private var isRequested = false
    private var marked = ContinuousClock.now
    private var last: Sample?

    init?(_ vcpu: VCPUDescriptor) {
        guard let page = RunPage(of: vcpu) else { return nil }
        self.page = consume page
    }

    isolated deinit { stopRequest() }

    /// Lets go of the page, which would pin the VM.
    func close() {
        stopRequest()
        page = nil
    }

    /// Whether it can tell nothing any more.
    var isClosed: Bool { page == nil }

    /// Begins to be interested in registers that KVM writes on request only. Each needs its ``end()``.
    func begin() {
        users += 1
        guard users == 1 else { return }
        last = nil
        // A VMM that uses the page has the registers written already, and they must not be touched.
        guard page?.isUsedByVMM == false else { return }
        page?.mark()
        marked = .now
        isRequested = page?.request() == false
    }

    /// Is not interested any more.
    func end() {
        users -= 1
        if users == 0 { stopRequest() }
    }

    /// Whether anybody is interested.
    var isInUse: Bool { users > 0 }

    private func stopRequest() {
        if isRequested { page?.cancel() }
        isRequested = false
        last = nil
    }

    /// The newest registers that are known since somebody was interested; nil when KVM_RUN did not return since.
    func sample() -> Sample? {
        let now = ContinuousClock.now
        guard users > 0, let registers = page?.read(), let fresh = registers.fresh else { return last }
        last = Sample(cr4: fresh.cr4, apicBase: registers.apicBase, since: isRequested ? marked : nil)
        if isRequested {
            page?.mark()
            marked = now
        }
        return last
    }

    /// IA32_APIC_BASE, which needs no request: as of the last return of KVM_RUN, whenever that was.
    var apicBase: UInt64? { page?.read().apicBase }
}
