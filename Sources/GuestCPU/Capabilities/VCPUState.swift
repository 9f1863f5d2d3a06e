// SPDX-License-Identifier: Apache-2.0

/// The registers of a vCPU from which KVM keeps CPUID bits up to date at run time.
public struct VCPUState: Sendable, Hashable {
    /// CR4: bit 18 OSXSAVE, bit 22 PKE.
    public var cr4: UInt64
    /// IA32_APIC_BASE: bit 11 the local APIC is enabled.
    public var apicBase: UInt64
    /// XCR0: the user state components in use.
    public var xcr0: UInt64
    /// IA32_XSS: the supervisor state components in use.
    public var xss: UInt64
    /// IA32_MISC_ENABLE: bit 18 MONITOR/MWAIT.
    public var miscEnable: UInt64

    /// A state from its registers; each at its value after reset unless given.
    public init(
        cr4: UInt64 = 0, apicBase: UInt64 = 0xFEE0_0000 | 1 << 11, xcr0: UInt64 = 1, xss: UInt64 = 0,
        miscEnable: UInt64 = 0
    ) {
        self.cr4 = cr4
        self.apicBase = apicBase
        self.xcr0 = xcr0
        self.xss = xss
        self.miscEnable = miscEnable
    }

    /// A vCPU after reset.
    public static let reset = VCPUState()
}
