// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Finds the model that a CPU is nearest to.
///
/// The order of merit, each point only where those before it are equal:
/// 1. the vendor is the CPU's;
/// 2. to describe a host: nothing has to be taken out;
/// 3. it is the one name preferred;
/// 4. the signature is of the CPU's design, and the CPU has most of what the model has: a CPU's name tells where it
///    comes from, unless so much is switched off that the name would mislead. Names that users are advised against
///    (``DiscouragedModels``) are so by right only for guests with the very signature, and else win by distance alone;
/// 5. the distance: one for each feature added, two for each taken out. Who forgets what is added has a lesser guest,
///    who forgets what is taken out has one that cannot run;
/// 6. the fewest features taken out; a name preferred; the fewest features that nobody has seen; the most features of
///    its own; the newest version.
///
/// The signature orders designs, not versions, since a version has the signature its model had first.
public struct ModelDetector: Sendable {
    private let entries: [DetectionEntry]
    private let scope: DetectionScope

    /// A detector with the models of a catalog.
    public init(_ catalog: ModelCatalog) {
        let versions = catalog.models.flatMap(\.versions)
        let scope = DetectionScope(of: versions)
        entries = versions.map { DetectionEntry($0, scope) }
        self.scope = scope
    }

    /// The models that the CPU is nearest to.
    ///
    /// - Throws: ``DetectionError`` when there is no model, or none of those allowed.
    public func detect(
        _ cpu: CPUDescription, options: DetectionOptions = DetectionOptions()
    ) throws(DetectionError) -> Detection {
        guard !entries.isEmpty else { throw .emptyCatalog }
        let input = DetectionInput(cpu, scope)
        let allowed = options.allowed
        let blockers = allowed.map { $0.mapValues(scope.words) }
        let limit = max(1, options.limit)
        // Those that suit the CPU's vendor come first, whatever else is to be said of the others.
        var ranking = best(limit, of: entries.filter { $0.suits(input.vendor) }, input, blockers, options)
        if ranking.count < limit {
            let others = entries.filter { !$0.suits(input.vendor) }
            ranking += best(limit - ranking.count, of: others, input, blockers, options)
        }
        guard !ranking.isEmpty else { throw .noneAllowed((allowed ?? [:]).keys.sorted()) }
        let candidates = ranking.map { merit, entry in
            let name = allowed.flatMap { entry.name(among: $0) }
            return Detection.Candidate(entry, input, name.flatMap { allowed?[$0] } ?? [], merit)
        }
        return Detection(
            candidates: candidates, best: candidates[0], runtime: cpu.runtime, numbers: cpu.numbers)
    }

    /// Of some versions the best that are allowed, the best first; of equal ones, those that come first.
    private func best(
        _ limit: Int, of entries: [DetectionEntry], _ input: DetectionInput, _ blockers: [String: DetectionWords]?,
        _ options: DetectionOptions
    ) -> [(merit: DetectionMerit, entry: DetectionEntry)] {
        var ranking: [(merit: DetectionMerit, entry: DetectionEntry)] = []
        for entry in entries {
            var words: DetectionWords = []
            if let blockers {
                guard let name = entry.name(among: blockers) else { continue }
                words = blockers[name, default: []]
            }
            let merit = DetectionMerit(entry, input, words, options)
            var place = ranking.count
            while place > 0, ranking[place - 1].merit < merit { place -= 1 }
            guard place < limit else { continue }
            if ranking.count == limit { ranking.removeLast() }
            ranking.insert((merit, entry), at: place)
        }
        return ranking
    }

    /// The versions of a vendor's models that run where only these features can be had, the one with most features
    /// first, and the newer one before an older one that has as many.
    func versions(of vendor: CPUVendor?, fitting features: FeatureSet) -> [CPUModelVersion] {
        entries.filter { $0.suits(vendor) && $0.given.isSubset(of: features) }
            .sorted { ($0.givenCount, $0.version.number) > ($1.givenCount, $1.version.number) }
            .map(\.version)
    }
}
