// SPDX-License-Identifier: Apache-2.0

/// A register of CPUID, or a feature MSR, whose bits are features.
///
/// The raw values are dense and internal: they index the words of a ``FeatureSet`` and mean nothing outside.
public enum FeatureWord: UInt8, Sendable, Hashable, CaseIterable {
    /// CPUID 1, ECX.
    case leaf1_ecx
    /// CPUID 1, EDX.
    case leaf1_edx
    /// CPUID 6, EAX.
    case leaf6_eax
    /// CPUID 6, ECX.
    case leaf6_ecx
    /// CPUID 7.0, EBX.
    case leaf7_0_ebx
    /// CPUID 7.0, ECX.
    case leaf7_0_ecx
    /// CPUID 7.0, EDX.
    case leaf7_0_edx
    /// CPUID 7.1, EAX.
    case leaf7_1_eax
    /// CPUID 7.1, EBX.
    case leaf7_1_ebx
    /// CPUID 7.1, ECX.
    case leaf7_1_ecx
    /// CPUID 7.1, EDX.
    case leaf7_1_edx
    /// CPUID 7.2, EDX.
    case leaf7_2_edx
    /// CPUID D.1, EAX.
    case leafD_1_eax
    /// CPUID F.0, EDX.
    case leafF_0_edx
    /// CPUID F.1, EDX.
    case leafF_1_edx
    /// CPUID 10.0, EBX.
    case leaf10_0_ebx
    /// CPUID 10.1, ECX.
    case leaf10_1_ecx
    /// CPUID 10.2, ECX.
    case leaf10_2_ecx
    /// CPUID 10.3, ECX.
    case leaf10_3_ecx
    /// CPUID 12.0, EAX.
    case leaf12_0_eax
    /// CPUID 12.0, EBX.
    case leaf12_0_ebx
    /// CPUID 12.1, EAX.
    case leaf12_1_eax
    /// CPUID 14.0, ECX.
    case leaf14_0_ecx
    /// CPUID 1E.1, EAX.
    case leaf1E_1_eax
    /// CPUID 24.0, EBX.
    case leaf24_0_ebx
    /// CPUID 24.1, ECX.
    case leaf24_1_ecx
    /// CPUID 29.0, EBX.
    case leaf29_0_ebx
    /// CPUID 0x40000001, EAX.
    case leaf40000001_eax
    /// CPUID 0x40000001, EDX.
    case leaf40000001_edx
    /// CPUID 0x80000001, ECX.
    case leaf80000001_ecx
    /// CPUID 0x80000001, EDX.
    case leaf80000001_edx
    /// CPUID 0x80000007, EBX.
    case leaf80000007_ebx
    /// CPUID 0x80000007, EDX.
    case leaf80000007_edx
    /// CPUID 0x80000008, EBX.
    case leaf80000008_ebx
    /// CPUID 0x8000000A, EDX.
    case leaf8000000A_edx
    /// CPUID 0x8000001F, EAX.
    case leaf8000001F_eax
    /// CPUID 0x80000020, EBX.
    case leaf80000020_ebx
    /// CPUID 0x80000021, EAX.
    case leaf80000021_eax
    /// CPUID 0x80000021, ECX.
    case leaf80000021_ecx
    /// CPUID 0x80000022, EAX.
    case leaf80000022_eax
    /// CPUID 0xC0000001, EDX.
    case leafC0000001_edx
    /// MSR 0xCF, IA32_CORE_CAPABILITIES.
    case coreCapabilities
    /// MSR 0x10A, IA32_ARCH_CAPABILITIES.
    case archCapabilities
    /// MSR 0x345, IA32_PERF_CAPABILITIES.
    case perfCapabilities
    /// MSR 0x480, IA32_VMX_BASIC.
    case vmxBasic
    /// MSR 0x485, IA32_VMX_MISC.
    case vmxMisc
    /// MSR 0x48B, IA32_VMX_PROCBASED_CTLS2.
    case vmxProcbasedCtls2
    /// MSR 0x48C, IA32_VMX_EPT_VPID_CAP.
    case vmxEPTVPIDCap
    /// MSR 0x48D, IA32_VMX_TRUE_PINBASED_CTLS.
    case vmxTruePinbasedCtls
    /// MSR 0x48E, IA32_VMX_TRUE_PROCBASED_CTLS.
    case vmxTrueProcbasedCtls
    /// MSR 0x48F, IA32_VMX_TRUE_EXIT_CTLS.
    case vmxTrueExitCtls
    /// MSR 0x490, IA32_VMX_TRUE_ENTRY_CTLS.
    case vmxTrueEntryCtls
    /// MSR 0x491, IA32_VMX_VMFUNC.
    case vmxVMFunc

    /// Where the word is found.
    public enum Position: Sendable, Hashable {
        /// A register of a CPUID leaf; `subleaf` is `.any` for leaves without subleaves.
        case cpuid(leaf: UInt32, subleaf: SubleafMatch, register: CPUIDRegister)
        /// An MSR. With `allowedOne` the bits are those of the high half: VMX controls tell in bits 63:32 which may be
        /// 1.
        case msr(index: UInt32, allowedOne: Bool)
    }

    /// Where the word is found.
    public var position: Position {
        switch self {
        case .leaf1_ecx: .cpuid(leaf: 0x1, subleaf: .any, register: .ecx)
        case .leaf1_edx: .cpuid(leaf: 0x1, subleaf: .any, register: .edx)
        case .leaf6_eax: .cpuid(leaf: 0x6, subleaf: .any, register: .eax)
        case .leaf6_ecx: .cpuid(leaf: 0x6, subleaf: .any, register: .ecx)
        case .leaf7_0_ebx: .cpuid(leaf: 0x7, subleaf: .exact(0), register: .ebx)
        case .leaf7_0_ecx: .cpuid(leaf: 0x7, subleaf: .exact(0), register: .ecx)
        case .leaf7_0_edx: .cpuid(leaf: 0x7, subleaf: .exact(0), register: .edx)
        case .leaf7_1_eax: .cpuid(leaf: 0x7, subleaf: .exact(1), register: .eax)
        case .leaf7_1_ebx: .cpuid(leaf: 0x7, subleaf: .exact(1), register: .ebx)
        case .leaf7_1_ecx: .cpuid(leaf: 0x7, subleaf: .exact(1), register: .ecx)
        case .leaf7_1_edx: .cpuid(leaf: 0x7, subleaf: .exact(1), register: .edx)
        case .leaf7_2_edx: .cpuid(leaf: 0x7, subleaf: .exact(2), register: .edx)
        case .leafD_1_eax: .cpuid(leaf: 0xD, subleaf: .exact(1), register: .eax)
        case .leafF_0_edx: .cpuid(leaf: 0xF, subleaf: .exact(0), register: .edx)
        case .leafF_1_edx: .cpuid(leaf: 0xF, subleaf: .exact(1), register: .edx)
        case .leaf10_0_ebx: .cpuid(leaf: 0x10, subleaf: .exact(0), register: .ebx)
        case .leaf10_1_ecx: .cpuid(leaf: 0x10, subleaf: .exact(1), register: .ecx)
        case .leaf10_2_ecx: .cpuid(leaf: 0x10, subleaf: .exact(2), register: .ecx)
        case .leaf10_3_ecx: .cpuid(leaf: 0x10, subleaf: .exact(3), register: .ecx)
        case .leaf12_0_eax: .cpuid(leaf: 0x12, subleaf: .exact(0), register: .eax)
        case .leaf12_0_ebx: .cpuid(leaf: 0x12, subleaf: .exact(0), register: .ebx)
        case .leaf12_1_eax: .cpuid(leaf: 0x12, subleaf: .exact(1), register: .eax)
        case .leaf14_0_ecx: .cpuid(leaf: 0x14, subleaf: .exact(0), register: .ecx)
        case .leaf1E_1_eax: .cpuid(leaf: 0x1E, subleaf: .exact(1), register: .eax)
        case .leaf24_0_ebx: .cpuid(leaf: 0x24, subleaf: .exact(0), register: .ebx)
        case .leaf24_1_ecx: .cpuid(leaf: 0x24, subleaf: .exact(1), register: .ecx)
        case .leaf29_0_ebx: .cpuid(leaf: 0x29, subleaf: .exact(0), register: .ebx)
        case .leaf40000001_eax: .cpuid(leaf: 0x4000_0001, subleaf: .any, register: .eax)
        case .leaf40000001_edx: .cpuid(leaf: 0x4000_0001, subleaf: .any, register: .edx)
        case .leaf80000001_ecx: .cpuid(leaf: 0x8000_0001, subleaf: .any, register: .ecx)
        case .leaf80000001_edx: .cpuid(leaf: 0x8000_0001, subleaf: .any, register: .edx)
        case .leaf80000007_ebx: .cpuid(leaf: 0x8000_0007, subleaf: .any, register: .ebx)
        case .leaf80000007_edx: .cpuid(leaf: 0x8000_0007, subleaf: .any, register: .edx)
        case .leaf80000008_ebx: .cpuid(leaf: 0x8000_0008, subleaf: .any, register: .ebx)
        case .leaf8000000A_edx: .cpuid(leaf: 0x8000_000A, subleaf: .any, register: .edx)
        case .leaf8000001F_eax: .cpuid(leaf: 0x8000_001F, subleaf: .any, register: .eax)
        case .leaf80000020_ebx: .cpuid(leaf: 0x8000_0020, subleaf: .any, register: .ebx)
        case .leaf80000021_eax: .cpuid(leaf: 0x8000_0021, subleaf: .any, register: .eax)
        case .leaf80000021_ecx: .cpuid(leaf: 0x8000_0021, subleaf: .any, register: .ecx)
        case .leaf80000022_eax: .cpuid(leaf: 0x8000_0022, subleaf: .any, register: .eax)
        case .leafC0000001_edx: .cpuid(leaf: 0xC000_0001, subleaf: .any, register: .edx)
        case .coreCapabilities: .msr(index: 0xCF, allowedOne: false)
        case .archCapabilities: .msr(index: 0x10A, allowedOne: false)
        case .perfCapabilities: .msr(index: 0x345, allowedOne: false)
        case .vmxBasic: .msr(index: 0x480, allowedOne: false)
        case .vmxMisc: .msr(index: 0x485, allowedOne: false)
        case .vmxProcbasedCtls2: .msr(index: 0x48B, allowedOne: true)
        case .vmxEPTVPIDCap: .msr(index: 0x48C, allowedOne: false)
        case .vmxTruePinbasedCtls: .msr(index: 0x48D, allowedOne: true)
        case .vmxTrueProcbasedCtls: .msr(index: 0x48E, allowedOne: true)
        case .vmxTrueExitCtls: .msr(index: 0x48F, allowedOne: true)
        case .vmxTrueEntryCtls: .msr(index: 0x490, allowedOne: true)
        case .vmxVMFunc: .msr(index: 0x491, allowedOne: false)
        }
    }

    /// The word at a position, if its bits are features.
    public init?(_ position: Position) {
        guard let word = Self.byPosition[position] else { return nil }
        self = word
    }

    /// The word of a CPUID register, if its bits are features.
    public init?(leaf: UInt32, subleaf: UInt32, register: CPUIDRegister) {
        let exact = Position.cpuid(leaf: leaf, subleaf: .exact(subleaf), register: register)
        let any = Position.cpuid(leaf: leaf, subleaf: .any, register: register)
        guard let word = Self.byPosition[exact] ?? Self.byPosition[any] else { return nil }
        self = word
    }

    /// The number of bits: 32, or 64 for an MSR whose whole value is features.
    public var bitCount: UInt8 {
        if case .msr(_, allowedOne: false) = position { 64 } else { 32 }
    }

    /// Whether KVM keeps a word of capabilities for it, for the host and for each guest (Linux, `reverse_cpuid`). What
    /// a guest's table says in the others KVM hands to the guest, and does not ask for itself.
    public var isKVMCapability: Bool {
        switch self {
        case .leaf1_ecx, .leaf1_edx, .leaf6_eax, .leaf7_0_ebx, .leaf7_0_ecx, .leaf7_0_edx, .leaf7_1_eax, .leaf7_1_ecx,
            .leaf7_1_edx, .leaf7_2_edx, .leafD_1_eax, .leaf12_0_eax, .leaf1E_1_eax, .leaf24_0_ebx, .leaf24_1_ecx,
            .leaf80000001_ecx, .leaf80000001_edx, .leaf80000007_ebx, .leaf80000007_edx, .leaf80000008_ebx,
            .leaf8000000A_edx, .leaf8000001F_eax, .leaf80000021_eax, .leaf80000021_ecx, .leaf80000022_eax,
            .leafC0000001_edx:
            true
        case .leaf6_ecx, .leaf7_1_ebx, .leafF_0_edx, .leafF_1_edx, .leaf10_0_ebx, .leaf10_1_ecx, .leaf10_2_ecx,
            .leaf10_3_ecx, .leaf12_0_ebx, .leaf12_1_eax, .leaf14_0_ecx, .leaf29_0_ebx, .leaf40000001_eax,
            .leaf40000001_edx, .leaf80000020_ebx, .coreCapabilities, .archCapabilities, .perfCapabilities, .vmxBasic,
            .vmxMisc, .vmxProcbasedCtls2, .vmxEPTVPIDCap, .vmxTruePinbasedCtls, .vmxTrueProcbasedCtls,
            .vmxTrueExitCtls, .vmxTrueEntryCtls, .vmxVMFunc:
            false
        }
    }

    private static let byPosition = Dictionary(uniqueKeysWithValues: allCases.map { ($0.position, $0) })
}

extension FeatureWord: Comparable {
    /// The order of feature words in lists: CPUID by leaf, then MSRs.
    public static func < (left: FeatureWord, right: FeatureWord) -> Bool { left.rawValue < right.rawValue }
}
