// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A CPU as a named model and what differs from it.
public struct Detection: Sendable, Hashable {
    /// How near a model's signature is to the CPU's.
    public enum Kinship: Int, Sendable, Hashable, Comparable {
        /// Of another design, or one of the two is not known.
        case none
        /// Of the same design, under another model number or stepping.
        case design
        /// The same family and model.
        case model

        /// The nearer is the greater.
        public static func < (left: Kinship, right: Kinship) -> Bool { left.rawValue < right.rawValue }
    }

    /// One model, and what differs from it: `version.features` + `added` - `removed` - `idle` are the CPU's features,
    /// but for those that the names allowed do not permit (`blocked`).
    public struct Candidate: Sendable, Hashable {
        /// The model's version.
        public let version: CPUModelVersion
        /// What the CPU has and the model has not.
        public let added: FeatureSet
        /// What the model has and the CPU has not.
        public let removed: FeatureSet
        /// What the model has and nobody would see: features of MSRs that were not told, or of a feature that neither
        /// has, for example the VMX capabilities without VMX.
        public let idle: FeatureSet
        /// What cannot be had with this name where it is to be used, although the CPU and the model have it.
        public let blocked: FeatureSet
        /// How near the signatures are.
        public let kinship: Kinship
        /// Whether model and CPU are one vendor's, or the CPU's is not known.
        public let isSameVendor: Bool
        /// How far the model is: one for each feature added, two for each taken out that does not merely follow
        /// another.
        public let distance: Int

        /// The model as an expression with these differences, the added features first, each by word and bit.
        ///
        /// It means what ``ModelExpression`` means by itself; the defaults that ``ModelCatalog/expand(_:on:)`` gives
        /// every guest of KVM come on top. Bits of the running system, which no expression can have, are not in it.
        public var expression: String {
            let registry = FeatureRegistry.shared
            let on = added.map { "+" + registry.name(of: $0) }
            let off = removed.union(blocked).map { "-" + registry.name(of: $0) }
            return ([version.name] + on + off).joined(separator: ",")
        }

        /// The expression that gives a guest of KVM exactly the CPU's features: what every guest is given is not asked
        /// for again, and taken out where the CPU has it not; what no guest is given unless asked is asked for.
        public var guestExpression: String {
            let registry = FeatureRegistry.shared
            let cpu = version.features.union(added).subtracting(removed).subtracting(idle).subtracting(blocked)
            let on = added.subtracting(KVMDefaults.given).union(
                KVMDefaults.onlyWhenAsked.intersection(version.features).intersection(cpu))
            let off = removed.union(blocked).union(KVMDefaults.given.subtracting(cpu))
            let changes = on.map { "+" + registry.name(of: $0) } + off.map { "-" + registry.name(of: $0) }
            return ([version.name] + changes).joined(separator: ",")
        }

        /// Why the candidate stands where it stands, as a sentence.
        public var reason: String {
            let origin =
                switch (isSameVendor, kinship) {
                case (false, _): "is another vendor's"
                case (_, .model): "has the CPU's family and model"
                case (_, .design): "is of the CPU's design"
                case (_, .none): "is the vendor's, of another design or of one that is not known"
                }
            var text = "\(version.name) \(origin)"
            text += added.isEmpty && removed.isEmpty ? " and fits exactly" : ""
            if !added.isEmpty { text += "; the CPU has \(added.count) features beside" }
            if !removed.isEmpty { text += "; the CPU lacks \(removed.count) of its features" }
            if !blocked.isEmpty { text += "; \(blocked.count) cannot be had with this name" }
            return text + "."
        }
    }

    /// The models, the best first; at least one.
    public let candidates: [Candidate]
    /// The best model.
    public let best: Candidate
    /// The bits of the running system that the CPU showed; no model has them.
    public let runtime: FeatureSet
    /// The numbers that the CPU showed in feature words; see ``NumberField``.
    public let numbers: FeatureSet

    /// Every bit of the CPU's feature words again, from the best model and its differences.
    public var features: FeatureSet {
        best.version.features.union(best.added).subtracting(best.removed).subtracting(best.idle)
            .union(runtime).union(numbers)
    }
}

/// Why a CPU gets no name.
public enum DetectionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The catalog has no model at all.
    case emptyCatalog
    /// None of the names that were allowed is in the catalog.
    case noneAllowed([String])

    /// What is wrong, as a sentence.
    public var description: String {
        switch self {
        case .emptyCatalog: "There are no models to name the CPU by."
        case .noneAllowed(let names):
            "None of the models allowed is in the catalog: \(names.joined(separator: ", "))."
        }
    }
}
