// SPDX-License-Identifier: Apache-2.0

import X86CPU

// Features that are no abilities but statements to the guest: "you must do this", "do not rely on that". A guest loses
// nothing when it is told one that does not hold here, and must be told when it holds on any host it may come to.
//
// There are three kinds:
// - The accumulated ones of the registry (Xen's `|`): md-clear, fb-clear, rfds-clear and verw-clear say that VERW clears
//   buffers and has to be used; no-lmsl that EFER.LMSLE is gone; fs-gs-base-ns that WRMSR to the bases does not
//   serialise.
// - The inverse ones: fdp-excptn-only and zero-fcs-fds say what the x87 no longer saves.
// - RSBA and RRSBA: RSB underflow falls back on other predictors, so that retpolines do not help.
extension FeatureSet {
    /// Features of one word by their bits.
    init(_ word: FeatureWord, mask: UInt64) {
        self.init()
        self[word] = mask
    }

    /// `hle` and `rtm`: CPUID 7.0:EBX[4] and [11].
    static let tsx = FeatureSet(.leaf7_0_ebx, mask: 1 << 4 | 1 << 11)
    /// `fdp-excptn-only` and `zero-fcs-fds`: CPUID 7.0:EBX[6] and [13].
    static let inverse = FeatureSet(.leaf7_0_ebx, mask: 1 << 6 | 1 << 13)
    /// `rsba`: MSR 0x10A[2].
    static let rsba = FeatureSet(.archCapabilities, mask: 1 << 2)
    /// `rrsba`: MSR 0x10A[19].
    static let rrsba = FeatureSet(.archCapabilities, mask: 1 << 19)
    /// `ibrs-all`: MSR 0x10A[1].
    static let ibrsAll = FeatureSet(.archCapabilities, mask: 1 << 1)
    /// Both that speak of the RSB.
    static let alternateRSB = rsba.union(rrsba)

    /// All features that are statements.
    static let assertions = FeatureRegistry.shared.accumulated.union(inverse).union(alternateRSB)
}
