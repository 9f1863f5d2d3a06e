// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What a name for a CPU is wanted for, and which names will do.
public struct DetectionOptions: Sendable, Hashable {
    /// What the name is for.
    public enum Purpose: Sendable, Hashable {
        /// To say what a host has: a model it has all of, and what it has beside.
        case host
        /// To give to guests: the nearest model, with features taken out where that is nearer.
        case guest
    }

    /// What the name is for.
    public var purpose: Purpose
    /// The names that will do, each as ``ModelCatalog/version(named:)`` understands it: a model's own name means its
    /// version 1. With each go the features that cannot be had with it where it is to be used (QEMU's
    /// `unavailable-features`). nil allows all.
    public var allowed: [String: FeatureSet]?
    /// Names to prefer. A single one is taken if its vendor allows; of several, one wins over equals.
    public var preferred: Set<String>
    /// The most candidates to return.
    public var limit: Int

    /// Options; by themselves, for guests and with any name.
    public init(
        purpose: Purpose = .guest, allowed: [String: FeatureSet]? = nil, preferred: Set<String> = [], limit: Int = 5
    ) {
        self.purpose = purpose
        self.allowed = allowed
        self.preferred = preferred
        self.limit = limit
    }
}
