// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Which features need leaves or MSRs that are not computed here.
enum LeafCoverage {
    /// SGX needs EPC sections in 0x12, processor trace 0x14, the LBR leaf 0x1C, resource director leaves 0xF and 0x10,
    /// a PMU 0xA and MSRs. Their feature bits alone would promise what a guest then does not find.
    static let incomplete: FeatureSet = {
        var set: FeatureSet = [.sgx, .intelPt, .archLbr, .pdcm, .coreCapability]
        let words: [FeatureWord] = [
            .leafF_0_edx, .leafF_1_edx, .leaf10_0_ebx, .leaf10_1_ecx, .leaf10_2_ecx, .leaf10_3_ecx, .leaf12_0_eax,
            .leaf12_0_ebx, .leaf12_1_eax, .leaf14_0_ecx, .leaf80000020_ebx, .leaf80000022_eax, .leaf8000001F_eax,
        ]
        for word in words { set[word] = UInt64.max >> (64 - UInt64(word.bitCount)) }
        // KVM supports one bit of leaf 6, ARAT.
        set[.leaf6_eax] = ~Feature.arat.mask & 0xFFFF_FFFF
        set[.leaf6_ecx] = 0xFFFF_FFFF
        return set
    }()
}
