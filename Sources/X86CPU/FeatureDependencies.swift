// SPDX-License-Identifier: Apache-2.0

/// Which features do not work without which others, and what must go when one goes.
///
/// The lines are those of the registry's file, whoever drew them: the kernel's and Xen's know the instruction sets,
/// QEMU's the MSRs. Lines that real CPUs contradict (``FeatureNeed/isPolicy``) are not followed.
public struct FeatureDependencies: Sendable {
    /// A feature that had to go.
    public struct Removal: Sendable, Hashable {
        /// The feature.
        public let feature: Feature
        /// What it needs and does not have; one of these would have been enough.
        public let missing: [Feature]
    }

    /// A set of features in which every need is met.
    public struct Closure: Sendable, Hashable {
        /// The features that stay.
        public let kept: FeatureSet
        /// The features that went, in the order in which they fell: a later one may miss an earlier one.
        public let removed: [Removal]
    }

    /// A need as the loop reads it: most have one alternative, which then is `first`.
    private struct Edge: Sendable {
        let feature: Feature
        let first: Feature
        let others: [Feature]

        func isMet(by set: FeatureSet) -> Bool {
            set.contains(first) || others.contains { set.contains($0) }
        }
    }

    private let edges: [Edge]

    init(_ features: [FeatureInfo]) {
        edges = features.flatMap { info in
            info.needs.filter { !$0.isPolicy }.compactMap { need in
                need.anyOf.first.map { Edge(feature: info.feature, first: $0, others: Array(need.anyOf.dropFirst())) }
            }
        }
    }

    /// The needs of these features that they do not meet themselves: a feature is told once for each. Empty for a set
    /// that ``closing(_:host:)`` would not change.
    public func unmet(in set: FeatureSet) -> [Removal] {
        var unmet: [Removal] = []
        for edge in edges where set.contains(edge.feature) && !edge.isMet(by: set) {
            unmet.append(Removal(feature: edge.feature, missing: [edge.first] + edge.others))
        }
        return unmet
    }

    /// Takes out every feature whose needs are not met, until all are. Never adds a feature.
    ///
    /// A host that has a feature although it lacks what the feature needs (there are such CPUs, and such hypervisors)
    /// knows better: with such a `host`, that need is not asked for.
    public func closing(_ set: FeatureSet, host: FeatureSet? = nil) -> Closure {
        var kept = set
        var removed: [Removal] = []
        var settled = false
        while !settled {
            settled = true
            for edge in edges where kept.contains(edge.feature) && !edge.isMet(by: kept) {
                if let host, host.contains(edge.feature), !edge.isMet(by: host) { continue }
                kept.remove(edge.feature)
                removed.append(Removal(feature: edge.feature, missing: [edge.first] + edge.others))
                settled = false
            }
        }
        return Closure(kept: kept, removed: removed)
    }
}
