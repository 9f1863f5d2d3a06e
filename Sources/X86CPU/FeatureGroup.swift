// SPDX-License-Identifier: Apache-2.0

/// Features that belong together by meaning, for people who read lists of them.
public struct FeatureGroup: Sendable, Hashable {
    /// What they have in common, for example `Memory management`.
    public let title: String
    /// The features, in the order in which people list them.
    public internal(set) var features: [Feature]
}

extension FeatureRegistry {
    /// The features of a set by meaning: the registry's groups, in order, as far as the set has any of theirs. Features
    /// without a name come last, in a group of their own.
    public func grouped(_ set: FeatureSet) -> [FeatureGroup] {
        var rest = set
        var found: [FeatureGroup] = []
        for group in groups {
            let members = group.features.filter { set.contains($0) }
            if members.isEmpty { continue }
            found.append(FeatureGroup(title: group.title, features: members))
            for feature in members { rest.remove(feature) }
        }
        if !rest.isEmpty { found.append(FeatureGroup(title: "Bits without a name", features: Array(rest))) }
        return found
    }
}
