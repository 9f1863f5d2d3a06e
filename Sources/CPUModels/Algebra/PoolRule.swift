// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// How a feature of several hosts becomes the feature of their pool.
public enum PoolRule: Sendable, Hashable, CaseIterable {
    /// The pool has it when every host has it.
    case all
    /// The pool has it when any host has it: it tells the guest what to do, and the guest may come to that host.
    case any
    /// The pool has it when any host has it, since its absence is the promise: the host that has it no longer saves
    /// what older CPUs saved.
    case inverse
    /// The pool shows RSBA, or RRSBA where every host has eIBRS, when any host's RSB falls back on other predictors,
    /// whichever of the two that host says, and even if it says neither.
    case returnStack

    /// The rule of a feature.
    ///
    /// From Xen's marks in the registry, `|` for ``any``; from what "supported" means for two bits of leaf 7, where
    /// KVM and the CPU mean "set" by it, for ``inverse``; and from Xen's `retpoline_calculations` and Intel's "Return
    /// Stack Buffer Underflow" for ``returnStack``.
    public init(_ feature: Feature) {
        if FeatureSet.alternateRSB.contains(feature) {
            self = .returnStack
        } else if FeatureSet.inverse.contains(feature) {
            self = .inverse
        } else if FeatureRegistry.shared.accumulated.contains(feature) {
            self = .any
        } else {
            self = .all
        }
    }
}
