// SPDX-License-Identifier: Apache-2.0

import CKVM
import Descriptors

/// The page that a vCPU shares with user space, `struct kvm_run`, mapped by a holder of the vCPU's descriptor.
///
/// It tells registers of a running vCPU without an ioctl, which no other process than the VM's creator may make, and
/// without stopping the vCPU. The mapping pins the VM like the descriptor does.
@safe public struct RunPage: ~Copyable {
    private let page: UnsafeMutableRawPointer

    /// Maps the page; nil where that is not possible.
    public init?(of vcpu: VCPUDescriptor) {
        guard let page = unsafe ckvm_run_page_map(vcpu.descriptor.number) else { return nil }
        unsafe self.page = unsafe page
    }

    deinit { unsafe ckvm_run_page_unmap(page) }

    /// What the page tells.
    public struct Registers: Sendable, Hashable {
        /// IA32_APIC_BASE as of the last return of KVM_RUN, which may be long ago; nil when there was none yet.
        public let apicBase: UInt64?
        /// CR4 and EFER, if they were written since ``mark()``; where ``isUsedByVMM``, if they ever were.
        public let fresh: Fresh?

        /// Registers that KVM writes on request only.
        public struct Fresh: Sendable, Hashable {
            /// CR4.
            public let cr4: UInt64
            /// IA32_EFER.
            public let efer: UInt64
        }
    }

    /// Whether the VMM has these registers written for itself, or sets them: then they are read, and nothing else.
    public var isUsedByVMM: Bool { unsafe ckvm_run_page_is_used(page) }

    /// Has KVM write the registers at every return of KVM_RUN.
    ///
    /// - Returns: whether it did so before; then ``cancel()`` must not be called.
    public borrowing func request() -> Bool { unsafe ckvm_run_page_request(page) }

    /// Takes ``request()`` back; the page is then as it was before.
    public borrowing func cancel() { unsafe ckvm_run_page_cancel(page) }

    /// From now on only registers are fresh that KVM writes after this.
    public borrowing func mark() { unsafe ckvm_run_page_mark(page) }

    /// Reads the registers.
    public borrowing func read() -> Registers {
        let state = unsafe ckvm_run_page_read(page)
        return Registers(
            apicBase: state.apic_base == 0 ? nil : state.apic_base,
            fresh: state.fresh ? .init(cr4: state.cr4, efer: state.efer) : nil)
    }
}
