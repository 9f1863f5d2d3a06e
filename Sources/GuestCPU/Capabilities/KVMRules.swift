// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// The generations of KVM that differ in what they do with a guest's table; each holds until the next begins.
///
/// Distributions take rules into older kernels, so a generation is a set of rules, not a kernel's version: see
/// ``KVMRules`` for how a host's is found.
public enum KVMGeneration: UInt8, Sendable, Hashable, CaseIterable, Comparable {
    /// Features are looked up in the guest's table; leaf 0x12.1 is held within the guest's XCR0.
    case linux6_1
    /// Leaf 0x12.1 stays as it was given.
    case linux6_4
    /// The few features that KVM must know fast are held within the host's ("governed" features).
    case linux6_6
    /// When a table is set, KVM's own leaves are found where it has them, and not where the table before had them.
    case linux6_9
    /// All features are held within the host's; HLT exits count when the table is set, and not later.
    case linux6_14
    /// Xen's leaves are computed when the guest asks, and stay in the table as they were given.
    case linux6_15
    /// IA32_XSS counts in the size of the compacted XSAVE area.
    case linux6_18

    /// From older to newer.
    public static func < (left: KVMGeneration, right: KVMGeneration) -> Bool { left.rawValue < right.rawValue }

    /// The kernel that brought the generation, as major and minor version.
    private var version: (UInt16, UInt16) {
        switch self {
        case .linux6_1: (0, 0)
        case .linux6_4: (6, 4)
        case .linux6_6: (6, 6)
        case .linux6_9: (6, 9)
        case .linux6_14: (6, 14)
        case .linux6_15: (6, 15)
        case .linux6_18: (6, 18)
        }
    }

    /// The generation of an unpatched kernel of that release, as `uname -r` prints it; nil if it begins with no version.
    init?(release: String) {
        let numbers = release.prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { UInt16($0) }
        guard numbers.count >= 2 else { return nil }
        let version = (numbers[0], numbers[1])
        guard let generation = Self.allCases.last(where: { $0.version <= version }) else { return nil }
        self = generation
    }
}

/// Which rules the KVM of a host follows, and by what that is known.
public struct KVMRules: Sendable, Hashable {
    /// By what the generation is known.
    public enum Evidence: String, Sendable, Hashable, CaseIterable {
        /// What KVM says of itself leaves no other.
        case tells
        /// What KVM says of itself leaves several; the kernel's version chose among them.
        case version
        /// What KVM says of itself leaves several, and the version is not known: the newest of them.
        case assumed
    }

    /// The generation.
    public let generation: KVMGeneration
    /// By what it is known.
    public let evidence: Evidence
    /// Whether the vendor module is PVM, out of tree, which runs guests without VMX or SVM.
    public let isPVM: Bool
    /// Whether the rules of SVM hold, not those of VMX.
    public let isSVM: Bool
    /// Whether guests have two-dimensional paging (EPT, NPT).
    public let usesTDP: Bool

    /// Rules by name, for a host that does not exist.
    public init(
        _ generation: KVMGeneration, isSVM: Bool, isPVM: Bool = false, usesTDP: Bool = true,
        evidence: Evidence = .assumed
    ) {
        self.generation = generation
        self.evidence = evidence
        self.isPVM = isPVM
        self.isSVM = isSVM
        self.usesTDP = usesTDP
    }

    /// The rules of a host's KVM.
    public init(host: HostCPU) {
        let possible = Self.possible(host)
        let byVersion = KVMGeneration(release: host.identity.kernel)
        let isPVM = host.identity.module == "kvm_pvm"
        self.init(
            min(max(byVersion ?? possible.upperBound, possible.lowerBound), possible.upperBound),
            isSVM: host.identity.module == "kvm_amd" || host.identity.module.isEmpty && host.identity.vendor.isAMDLike,
            isPVM: isPVM,
            // PVM pages by shadow tables. Elsewhere nothing tells where PKU is missing, and TDP is the default.
            usesTDP: !isPVM,
            evidence: possible.lowerBound == possible.upperBound
                ? .tells : byVersion == nil ? .assumed : .version)
    }

    /// The generations that what KVM says of itself leaves.
    private static func possible(_ host: HostCPU) -> ClosedRange<KVMGeneration> {
        let quirks = host.capabilities["DISABLE_QUIRKS2"] ?? 0
        // Guests have IA32_XSS since the generation that counts it. KVM_GET_ONE_REG came to x86 with it.
        if host.supported.value(0xD, 1, .ecx) | host.supported.value(0xD, 1, .edx) != 0 {
            return .linux6_18 ... .linux6_18
        }
        if host.capabilities["ONE_REG", default: 0] > 0 { return .linux6_18 ... .linux6_18 }
        // HYPERVISOR is listed since KVM keeps capabilities for each guest, on every host.
        if host.caps.has(.hypervisor) {
            return .linux6_14...(host.capabilities["ONE_REG"] == 0 ? .linux6_15 : .linux6_18)
        }
        // The quirk STUFF_FEATURE_MSRS is one of Linux 6.12.
        return quirks & 1 << 8 != 0 ? .linux6_9 ... .linux6_9 : .linux6_1 ... .linux6_9
    }
}
