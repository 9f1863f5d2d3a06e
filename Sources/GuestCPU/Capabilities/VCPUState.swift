// SPDX-License-Identifier: Apache-2.0

/// One thing that KVM looks at when it keeps a guest's table up to date.
public enum VCPUStateSource: String, Sendable, Hashable, CaseIterable, Comparable {
    /// CR4, of KVM_GET_SREGS or of the run page.
    case cr4
    /// IA32_APIC_BASE, MSR 0x1B, of KVM_GET_SREGS or of the run page.
    case apicBase
    /// XCR0, of KVM_GET_XCRS.
    case xcr0
    /// IA32_XSS, MSR 0xDA0.
    case xss
    /// IA32_MISC_ENABLE, MSR 0x1A0.
    case miscEnable
    /// IA32_TSX_CTRL, MSR 0x122.
    case tsxControl
    /// HV_X64_MSR_TSC_INVARIANT_CONTROL, MSR 0x40000118.
    case tscInvariantControl
    /// MISC_FEATURES_ENABLES, MSR 0x140.
    case miscFeaturesEnables
    /// HWCR, MSR 0xC0010015.
    case hwcr
    /// Whether the VM's owner turned the exits for HLT off (KVM_CAP_X86_DISABLE_EXITS). KVM tells nobody.
    case haltExits
    /// Which quirks the VM's owner turned off (KVM_CAP_DISABLE_QUIRKS2). KVM tells nobody.
    case quirks
    /// The guest's TSC frequency and scaling.
    case tsc
    /// Whether the vCPU's state has changed and changed back. KVM tells nobody.
    case history
    /// Which rules KVM has, where it might have them from a newer kernel than its version says.
    case kvmGeneration

    /// In the order of the cases.
    public static func < (left: VCPUStateSource, right: VCPUStateSource) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// The state from which KVM keeps a table up to date, as far as it is known; nil for what is not.
public struct PartialVCPUState: Sendable, Hashable {
    /// CR4: bit 18 OSXSAVE, bit 22 PKE.
    public var cr4: UInt64?
    /// IA32_APIC_BASE: bit 11 the local APIC is enabled.
    public var apicBase: UInt64?
    /// XCR0: the user state components in use.
    public var xcr0: UInt64?
    /// IA32_XSS: the supervisor state components in use.
    public var xss: UInt64?
    /// IA32_MISC_ENABLE: bit 18 MONITOR/MWAIT.
    public var miscEnable: UInt64?
    /// IA32_TSX_CTRL: bit 1 hides HLE and RTM from the guest.
    public var tsxControl: UInt64?
    /// HV_X64_MSR_TSC_INVARIANT_CONTROL: bit 0 the guest wants to know that its TSC is invariant.
    public var tscInvariantControl: UInt64?
    /// MISC_FEATURES_ENABLES: bit 0 CPUID faults above CPL 0.
    public var miscFeaturesEnables: UInt64?
    /// HWCR: bit 35 CPUID faults above CPL 0 (AMD's CpuidUserDis). Only kernels that know the bit let it be set.
    public var hwcr: UInt64?
    /// Whether HLT exits to KVM; false after KVM_CAP_X86_DISABLE_EXITS.
    public var haltExits: Bool?
    /// Whether the quirk MISC_ENABLE_NO_MWAIT is on, as it is by default: MWAIT then stays as the table has it.
    public var hasMWAITQuirk: Bool?

    /// A state of which nothing is known.
    public init() {}

    /// A state of which everything is known.
    public init(_ state: VCPUState) {
        cr4 = state.cr4
        apicBase = state.apicBase
        xcr0 = state.xcr0
        xss = state.xss
        miscEnable = state.miscEnable
        tsxControl = state.tsxControl
        tscInvariantControl = state.tscInvariantControl
        miscFeaturesEnables = state.miscFeaturesEnables
        hwcr = state.hwcr
        haltExits = state.haltExits
        hasMWAITQuirk = state.hasMWAITQuirk
    }

    /// The registers of a vCPU after reset, with its VM's settings unknown: what is known of a vCPU that never ran.
    public static let reset: PartialVCPUState = {
        var state = PartialVCPUState(.reset)
        state.haltExits = nil
        state.hasMWAITQuirk = nil
        return state
    }()
}

/// The state from which KVM keeps a table up to date.
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
    /// IA32_TSX_CTRL: bit 1 hides HLE and RTM from the guest.
    public var tsxControl: UInt64
    /// HV_X64_MSR_TSC_INVARIANT_CONTROL: bit 0 the guest wants to know that its TSC is invariant.
    public var tscInvariantControl: UInt64
    /// MISC_FEATURES_ENABLES: bit 0 CPUID faults above CPL 0.
    public var miscFeaturesEnables: UInt64
    /// HWCR: bit 35 CPUID faults above CPL 0 (AMD's CpuidUserDis). Only kernels that know the bit let it be set.
    public var hwcr: UInt64
    /// Whether HLT exits to KVM; false after KVM_CAP_X86_DISABLE_EXITS.
    public var haltExits: Bool
    /// Whether the quirk MISC_ENABLE_NO_MWAIT is on, as it is by default: MWAIT then stays as the table has it.
    public var hasMWAITQuirk: Bool

    /// A state from its parts; each at its value after reset in a VM of default settings unless given.
    public init(
        cr4: UInt64 = 0, apicBase: UInt64 = 0xFEE0_0000 | 1 << 11, xcr0: UInt64 = 1, xss: UInt64 = 0,
        miscEnable: UInt64 = 0, tsxControl: UInt64 = 0, tscInvariantControl: UInt64 = 0,
        miscFeaturesEnables: UInt64 = 0, hwcr: UInt64 = 0, haltExits: Bool = true, hasMWAITQuirk: Bool = true
    ) {
        self.cr4 = cr4
        self.apicBase = apicBase
        self.xcr0 = xcr0
        self.xss = xss
        self.miscEnable = miscEnable
        self.tsxControl = tsxControl
        self.tscInvariantControl = tscInvariantControl
        self.miscFeaturesEnables = miscFeaturesEnables
        self.hwcr = hwcr
        self.haltExits = haltExits
        self.hasMWAITQuirk = hasMWAITQuirk
    }

    /// A vCPU after reset.
    public static let reset = VCPUState()
}
