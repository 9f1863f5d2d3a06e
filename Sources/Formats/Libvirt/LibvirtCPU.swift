// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A `<cpu>` element of libvirt: what a domain asks for, or what a host is said to be.
public struct LibvirtCPU: Sendable, Hashable {
    /// Where the guest's CPU comes from: the attribute `mode`.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        case custom
        case hostModel = "host-model"
        case hostPassthrough = "host-passthrough"
        case maximum
    }

    /// What a guest's CPU does with a feature: the attribute `policy`.
    public enum Policy: String, Sendable, Hashable, CaseIterable {
        /// The guest has the feature, whether or not the host does.
        case force
        /// The guest has the feature, or does not start.
        case require
        /// The guest has the feature if the host does.
        case optional
        /// The guest does not have the feature.
        case disable
        /// The guest does not start on a host that has the feature.
        case forbid
    }

    /// A `<feature>` element.
    public struct FeatureElement: Sendable, Hashable {
        /// The feature.
        public let feature: Feature
        /// The name in the document.
        public let name: String
        /// What to do with it; `require` in a host's CPU, which has no policies.
        public let policy: Policy

        /// A feature element with libvirt's name.
        public init(feature: Feature, name: String, policy: Policy) {
            self.feature = feature
            self.name = name
            self.policy = policy
        }
    }

    /// Where the guest's CPU comes from; `custom` where the document does not say.
    public var mode: Mode
    /// Whether the document has the CPU as part of what a host is, where features have no policies.
    public var isHostDescription: Bool
    /// The attribute `match`, as it stands in the document: `minimum`, `exact` or `strict`.
    public var match: String?
    /// The attribute `check`, as it stands in the document: `none`, `partial` or `full`.
    public var check: String?
    /// The attribute `migratable` of the modes of a host.
    public var isMigratable: Bool?
    /// The model; nil in the modes of a host without one.
    public var model: String?
    /// The vendor the host must have, in libvirt's words.
    public var vendor: String?
    /// Family, model and stepping, where the document tells a host's.
    public var signature: CPUSignature?
    /// The width of physical addresses in bits, where the document sets one.
    public var physicalAddressBits: UInt8?
    /// The features, in the order of the document.
    public var features: [FeatureElement]

    /// A CPU of a mode, with nothing else said.
    public init(mode: Mode = .custom, model: String? = nil, vendor: String? = nil, features: [FeatureElement] = []) {
        self.mode = mode
        isHostDescription = false
        self.model = model
        self.vendor = vendor
        self.features = features
    }

    /// The features that the guest has: required, forced.
    public var required: FeatureSet { features(with: [.require, .force]) }
    /// The features that the guest does not have: disabled, forbidden.
    public var disabled: FeatureSet { features(with: [.disable, .forbid]) }
    /// The features that the guest has where the host has them.
    public var optional: FeatureSet { features(with: [.optional]) }

    /// The features that libvirt itself understands: those of its own definition of the model, changed as the document
    /// says. It is what libvirt makes of the CPU where it compares and computes, and what its descriptions of hosts
    /// mean.
    ///
    /// - Returns: nil when libvirt has no such model.
    public var featuresByLibvirt: FeatureSet? {
        guard let model, let definition = LibvirtModels.shared[model] else { return nil }
        return definition.features.union(required).subtracting(disabled)
    }

    private func features(with policies: Set<Policy>) -> FeatureSet {
        FeatureSet(features.lazy.filter { policies.contains($0.policy) }.map(\.feature))
    }
}
