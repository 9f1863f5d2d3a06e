// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// The words of a ``FeatureSet`` in which any version of a catalog has features: a third of all. In the others every version
/// differs from a CPU by the same.
struct DetectionScope: Sendable {
    private let places: [Int]
    private let rest: [Int]
    private let needs: [Needs]

    init(of versions: [CPUModelVersion]) {
        var any = FeatureSet()
        for version in versions { any = any.union(version.features) }
        let words = any.words
        places = words.indices.filter { words[$0] != 0 }
        rest = words.indices.filter { words[$0] == 0 }
        needs = FeatureRegistry.shared.all.compactMap { info in
            let rows = info.needs.filter { !$0.isPolicy }.map(\.anyOf)
            return rows.isEmpty || !any.contains(info.feature) ? nil : Needs(feature: info.feature, rows: rows)
        }
    }

    /// A feature and what it needs, one of each row.
    private struct Needs: Sendable {
        let feature: Feature
        let rows: [[Feature]]
    }

    /// The features that versions have and that would not work beside these alone: one of their needs is not met.
    func unmet(beside features: FeatureSet) -> FeatureSet {
        var result = FeatureSet()
        for needs in needs where !needs.rows.allSatisfy({ $0.contains { features.contains($0) } }) {
            result.insert(needs.feature)
        }
        return result
    }

    /// Of a set, the words that are in the scope.
    func words(of set: FeatureSet) -> DetectionWords {
        let words = set.words
        return places.map { words[$0] }
    }

    /// How many features of a set no version has a word for.
    func countOutside(of set: FeatureSet) -> Int {
        let words = set.words
        return rest.reduce(0) { $0 + words[$1].nonzeroBitCount }
    }
}

/// Words of a set, as many as the scope has and in its order.
typealias DetectionWords = [UInt64]
