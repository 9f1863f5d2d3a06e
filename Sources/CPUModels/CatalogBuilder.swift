// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax

/// Puts the models of several files together: settles who owns a name, finds the caches and models that others name,
/// and makes each version of what its section changes.
struct CatalogBuilder {
    /// Where a version stands: which of ``models``, and which of its versions.
    struct Place: Sendable, Hashable {
        let model: Int
        let version: Int
    }

    private(set) var models: [CPUModel] = []
    private(set) var caches: [String: CacheHierarchy] = [:]
    private(set) var names: [String: Place] = [:]

    private let files: [ModelReader]
    /// The drafts of all files, each with its file's position.
    private let drafts: [(draft: ModelDraft, file: Int)]
    private var cacheLocations: [String: SourceLocation] = [:]
    private var owners: [String: (place: Place, location: SourceLocation)] = [:]
    /// Files that are not among these, and why.
    private let refused: [RefusedModelFile]
    /// What is wrong.
    private(set) var faults: [CatalogSieve.Fault] = []

    init(_ files: [ModelReader], refused: [RefusedModelFile]) {
        self.files = files
        self.refused = refused
        drafts = files.enumerated().compactMap { file in file.element.model.map { ($0, file.offset) } }
    }

    mutating func build() {
        for (position, file) in files.enumerated() {
            for problem in file.problems { report(position, problem) }
        }
        let order = files.indices.sorted { precedence(of: $0) < precedence(of: $1) }
        for position in order { collectCaches(of: position) }
        let draftOf = Dictionary(uniqueKeysWithValues: drafts.enumerated().map { ($0.element.file, $0.offset) })
        for draft in order.compactMap({ draftOf[$0] }) { claimNames(of: draft) }
        resolveAll()
        for position in drafts.indices { checkReplacements(position) }
    }

    /// Who keeps a name that several files claim: what came with the program before what an administrator wrote, and a
    /// file that is wrong anyway last.
    private func precedence(of file: Int) -> (Int, Int, Int) {
        (files[file].problems.isEmpty ? 0 : 1, files[file].origin.precedence, file)
    }

    private mutating func collectCaches(of position: Int) {
        for (hierarchy, location) in files[position].caches {
            if let other = cacheLocations[hierarchy.name] {
                report(position, location, "the caches \(hierarchy.name) are defined in \(other) too")
            } else {
                cacheLocations[hierarchy.name] = location
                caches[hierarchy.name] = hierarchy
            }
        }
    }

    private mutating func claimNames(of position: Int) {
        let draft = drafts[position].draft
        claim(draft.name, Place(model: position, version: 0), draft.location)
        for (number, version) in draft.versions.enumerated() {
            let place = Place(model: position, version: number)
            claim("\(draft.name)-v\(number + 1)", place, version.location)
            if let alias = version.alias { claim(alias, place, version.location) }
        }
    }

    private mutating func claim(_ name: String, _ place: Place, _ location: SourceLocation) {
        if let other = owners[name] {
            report(drafts[place.model].file, location, "the name \(name) is taken in \(other.location) already")
        } else {
            owners[name] = (place, location)
        }
    }

    /// Resolves every model behind the one that it extends. Where a file has errors already nothing is built: it would
    /// bring up errors that are none.
    private mutating func resolveAll() {
        var order = ExtensionOrder(drafts.map(\.draft), owners: owners.mapValues(\.place), refused: refused)
        order.settle()
        for (position, problem) in order.problems { report(drafts[position].file, problem) }
        for (position, problem) in order.consequences {
            report(drafts[position].file, problem, isConsequence: true)
        }

        var resolved: [Int: CPUModel] = [:]
        var builtAt: [Int: Int] = [:]
        for position in order.positions where files[drafts[position].file].problems.isEmpty {
            var base: CPUModelVersion?
            if let place = order.bases[position] {
                guard let model = resolved[place.model] else { continue }
                base = model.versions[place.version]
            }
            let draft = drafts[position].draft
            var resolver = VersionResolver(draft, base: base, caches: caches, refused: refused)
            let versions = resolver.versions()
            for problem in resolver.problems { report(drafts[position].file, problem) }
            for problem in resolver.consequences { report(drafts[position].file, problem, isConsequence: true) }
            resolved[position] = CPUModel(
                name: draft.name, versions: versions, note: draft.note, base: base,
                ownCaches: files[drafts[position].file].caches.map(\.hierarchy), origin: draft.origin,
                location: draft.location)
        }
        for (position, model) in resolved.sorted(by: { $0.value.name < $1.value.name }) {
            builtAt[position] = models.count
            models.append(model)
        }
        for (name, owner) in owners {
            if let model = builtAt[owner.place.model] {
                names[name] = Place(model: model, version: owner.place.version)
            }
        }
    }

    private mutating func checkReplacements(_ position: Int) {
        for version in drafts[position].draft.versions {
            guard let line = version.replacement, !line.value.isEmpty else { continue }
            guard let owner = owners[line.value] else {
                // Whoever replaces it is wrong; that there is such a model is not.
                if refused.contains(where: { $0.defines(line.value) }) { continue }
                let suggestion =
                    faults.count < ModelReader.mostProblems ? nearest(line.value, in: owners.keys.sorted()) : nil
                report(
                    drafts[position].file, line.location,
                    line.error("names no model, \"\(line.value)\"\(didYouMean(suggestion))").message)
                continue
            }
            guard let place = names[line.value], owner.place.version < models[place.model].versions.count else {
                continue
            }
            if models[place.model].versions[place.version].deprecation != nil {
                report(
                    drafts[position].file, line.location,
                    line.error("names \(line.value), which is deprecated itself").message)
            }
        }
    }

    private mutating func report(_ file: Int, _ location: SourceLocation, _ message: String) {
        report(file, UnitSyntaxError(location, message))
    }

    private mutating func report(_ file: Int, _ problem: UnitSyntaxError, isConsequence: Bool = false) {
        faults.append(CatalogSieve.Fault(file: file, problem: problem, isConsequence: isConsequence))
    }
}
