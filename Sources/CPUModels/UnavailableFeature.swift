// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A feature that a model names, or an expression asks for, and the guest does not get.
public struct UnavailableFeature: Sendable, Hashable, CustomStringConvertible {
    /// Why the guest does not get a feature.
    public enum Reason: Sendable, Hashable {
        /// The host's CPU does not have it.
        case hostLacks
        /// The host's CPU has it, but its KVM does not offer it to guests.
        case hiddenByKVM
        /// The host's KVM does not offer it; what the CPU has is not known, or does not matter.
        case notOffered
        /// It needs one of these features, and the guest has none of them.
        case needs([Feature])
        /// It cannot be there together with this feature.
        case conflicts(with: Feature)
        /// The host has it in an older version than the model, and that is what the guest gets.
        case olderVersion(host: UInt8, model: UInt8)
        /// No KVM virtualises what belongs to it, and without that it would be a promise that nothing keeps.
        case notComputed
        /// It needs something that only the VM's owner can give or ask for, by the parameter of this name.
        case needsOption(String)
        /// Its leaf is beyond the highest leaf that was asked for.
        case beyondLevel(UInt32)
    }

    /// The feature.
    public let feature: Feature
    /// Why the guest does not get it.
    public let reason: Reason

    /// A feature and the reason.
    public init(feature: Feature, reason: Reason) {
        self.feature = feature
        self.reason = reason
    }

    /// The reason as words that can stand after the feature's name and a colon.
    public var reasonText: String {
        let registry = FeatureRegistry.shared
        switch reason {
        case .hostLacks: return "the host's CPU does not have it"
        case .hiddenByKVM: return "the host's CPU has it, but the host's KVM does not offer it"
        case .notOffered: return "the host's KVM does not offer it"
        case .needs(let features):
            let names = features.map { registry.name(of: $0) }.joined(separator: " or ")
            return "it needs \(names), which the guest does not have"
        case .conflicts(let other): return "no CPU has it together with \(registry.name(of: other))"
        case .olderVersion(let host, let model):
            return "the host's KVM offers version \(host) of it, and the model has version \(model)"
        case .notComputed: return "no KVM virtualises the leaves and MSRs that belong to it"
        case .needsOption(let name): return "it needs \"\(name)\", which was not given"
        case .beyondLevel(let level):
            return "its leaf is beyond the highest one asked for, 0x\(String(level, radix: 16))"
        }
    }

    /// The feature's name and the reason.
    public var description: String { "\(FeatureRegistry.shared.name(of: feature)): \(reasonText)" }
}
