// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What an expression means on a host: every feature the guest gets, and what became of the others.
public struct ExpandedModel: Sendable, Hashable {
    /// Where the caches that guests see come from.
    public enum Caches: Sendable, Hashable {
        /// From the model, or from the vendor's table for models that have none.
        case model(CacheHierarchy)
        /// Nobody says: the catalog has no table for models without one.
        case unknown
        /// From the host's leaves.
        case host
    }

    /// The version's full name, or `host` or `max`.
    public let name: String
    /// The expression as it was understood.
    public let expression: String
    /// The version it starts from; nil for `host` and `max`.
    public let base: CPUModelVersion?
    /// The vendor that guests see.
    public let vendor: CPUVendor
    /// Family, model and stepping.
    public let signature: CPUSignature
    /// The brand string.
    public let description: String
    /// The least value of the highest basic leaf.
    public let level: UInt32
    /// The least value of the highest extended leaf.
    public let extendedLevel: UInt32
    /// Where the caches come from.
    public let caches: Caches
    /// Whether leaf 0x1F is there whatever the topology.
    public let forcesLeaf1F: Bool
    /// The version of AVX10 that the guest gets, for leaf 0x24, EBX[7:0]; 0 without the feature avx10.
    public let avx10Version: UInt8

    /// The features of the guest.
    public let features: FeatureSet
    /// The features that model or expression name and the guest does not get, by word and bit.
    public let unavailable: [UnavailableFeature]

    /// The features that the model has, or the host for `host` and `max`, before anything changed.
    public let definition: FeatureSet
    /// The features that every guest of KVM is given beside its model's, as far as the host has them: x2apic, the
    /// hypervisor bit and KVM's own.
    public let defaultsAdded: FeatureSet
    /// The features of the model that no guest of KVM has unless asked: svm, monitor, acpi.
    public let defaultsRemoved: FeatureSet
    /// The features that the expression turned on.
    public let expressionAdded: FeatureSet
    /// The features that the expression turned off, and those that fell with them.
    public let expressionRemoved: FeatureSet
    /// The features that lie idle: the model has them, but nobody asked for what they need, for example the VMX
    /// capabilities without vmx. They are not offered, and nothing is missing.
    public let dormant: FeatureSet
}
