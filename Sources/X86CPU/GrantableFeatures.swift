// SPDX-License-Identifier: Apache-2.0

/// Which features a guest may be given on a host.
///
/// KVM_GET_SUPPORTED_CPUID is the base, but not the answer: some bits it leaves to the VMM (topology, the hypervisor
/// bit), some it passes through although it does not list them (hints of the native CPU), and one it offers although no
/// AMD guest expects it.
public enum GrantableFeatures {
    /// Hints that change nothing KVM would have to support: a guest may see them whenever the CPU has them.
    static let nativeHints: FeatureSet = [.erms, .fsrm, .fzrm, .fsrs, .fsrc, .mcdtNo, .overflowRecov, .succor]

    /// Bits that say what the topology is, or that there are leaves which tell it: whoever makes those leaves decides,
    /// not the host.
    static let topology: FeatureSet = [.ht, .cmpLegacy, .topoext]

    /// Features of guests of a vendor's that are neither a host's to give nor a pool's to offer: each VM's topology and
    /// its owner's promises decide.
    public static func decidedByVM(vendor: CPUVendor?) -> FeatureSet {
        let always: FeatureSet = [.ht, .cmpLegacy, .kvmHintDedicated]
        // A model of AMD's has TOPOEXT as a feature; elsewhere nobody looks for it.
        return vendor?.isAMDLike == true ? always : always.union([.topoext])
    }

    /// Features that need the XSAVE components TILECFG (17) and TILEDATA (18).
    static let needTiles: FeatureSet = [
        .amxTile, .amxInt8, .amxBf16, .amxFp16, .amxComplex, .amxInt8Mirror, .amxBf16Mirror, .amxComplexMirror,
        .amxFp16Mirror, .amxFp8, .amxTf32, .amxAvx512, .amxMovrs,
    ]

    static func of(
        vendor: CPUVendor, supported: CPUIDTable, native: CPUIDTable, featureMSRs: [UInt32: UInt64],
        capabilities: [String: Int]
    ) -> FeatureSet {
        var features = FeatureSet(table: supported, msrs: featureMSRs)
        features = features.union(FeatureSet(table: native).intersection(nativeHints)).union(topology)
        features.insert(.hypervisor)
        // The timer of KVM's local APIC never stops, whether or not the host's does.
        features.insert(.arat)
        features.insert(.kvmHintDedicated)
        // Before Linux 6.14 a working TSC deadline timer shows only in its capability.
        if capabilities["TSC_DEADLINE_TIMER", default: 0] != 0 { features.insert(.tscDeadline) }
        if vendor.isAMDLike {
            // KVM emulates IA32_ARCH_CAPABILITIES everywhere; no AMD CPU has it, and guests take it for Intel's.
            features.remove(.archCapabilities)
            features[.archCapabilities] = 0
        }
        let tiles: UInt32 = 1 << 17 | 1 << 18
        if supported.value(0xD, 0, .eax) & tiles != tiles { features = features.subtracting(needTiles) }
        if supported.value(0x24, 0, .ebx) & 0xFF == 0 {
            // AVX10 is a version and what belongs to it: without a version there is none.
            features.remove(.avx10)
            features[.leaf24_0_ebx] = 0
            features[.leaf24_1_ecx] = 0
        }
        // KVM keeps these up to date itself: no guest is "given" them.
        features.remove(.osxsave)
        features.remove(.ospke)
        return features
    }
}
