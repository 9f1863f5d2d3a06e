// SPDX-License-Identifier: Apache-2.0

/// The control registers of one vCPU, from `struct kvm_sregs`.
public struct ControlRegisters: Sendable, Hashable {
    /// CR0.
    public var cr0: UInt64
    /// CR4: bit 18 OSXSAVE, bit 22 PKE (Intel SDM volume 3, section 2.5).
    public var cr4: UInt64
    /// CR8: the task priority.
    public var cr8: UInt64
    /// IA32_EFER: bit 10 LMA.
    public var efer: UInt64
    /// IA32_APIC_BASE: bit 11 the local APIC is enabled, bit 10 it is in x2APIC mode.
    public var apicBase: UInt64

    /// Registers from their values.
    public init(cr0: UInt64, cr4: UInt64, cr8: UInt64, efer: UInt64, apicBase: UInt64) {
        self.cr0 = cr0
        self.cr4 = cr4
        self.cr8 = cr8
        self.efer = efer
        self.apicBase = apicBase
    }
}

/// The registers of one vCPU that its CPUID bits depend on, as far as KVM would tell them.
public struct VCPURegisters: Sendable, Hashable {
    /// The control registers.
    public internal(set) var control: ControlRegisters?
    /// XCR0: the user state components in use.
    public internal(set) var xcr0: UInt64?
    /// The MSRs that were asked for and could be read, by index.
    public internal(set) var msrs: [UInt32: UInt64] = [:]
    /// The errno of the first ioctl that failed. An MSR that the vCPU does not have is no failure: it is not there.
    public internal(set) var errno: CInt?
}
