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

    /// A detector with the models of a catalog.
    public init(_ catalog: ModelCatalog) {
        entries = catalog.models.flatMap(\.versions).map { DetectionEntry($0) }
    }

    /// The models that the CPU is nearest to.
    ///
    /// - Throws: ``DetectionError`` when there is no model, or none of those allowed.
    public func detect(
        _ cpu: CPUDescription, options: DetectionOptions = DetectionOptions()
    ) throws(DetectionError) -> Detection {
        guard !entries.isEmpty else { throw .emptyCatalog }
        let input = DetectionInput(cpu)
        var ranking: [(merit: DetectionMerit, entry: DetectionEntry)] = []
        ranking.reserveCapacity(entries.count)
        for entry in entries {
            guard let blockers = entry.blockers(options.allowed) else { continue }
            ranking.append((DetectionMerit(entry, input, blockers, options), entry))
        }
        guard !ranking.isEmpty else { throw .noneAllowed((options.allowed ?? [:]).keys.sorted()) }
        ranking.sort { $0.merit > $1.merit }
        let candidates = ranking.prefix(max(1, options.limit)).map { merit, entry in
            Detection.Candidate(entry, input, entry.blockers(options.allowed) ?? [], merit)
        }
        return Detection(
            candidates: candidates, best: candidates[0], runtime: cpu.runtime, numbers: cpu.numbers)
    }

    /// The versions of a vendor's models that run where only these features can be had, the one with most features
    /// first, and the newer one before an older one that has as many.
    func versions(of vendor: CPUVendor?, fitting features: FeatureSet) -> [CPUModelVersion] {
        entries.filter { $0.suits(vendor) && $0.given.isSubset(of: features) }
            .sorted { ($0.givenCount, $0.version.number) > ($1.givenCount, $1.version.number) }
            .map(\.version)
    }
}
