// SPDX-License-Identifier: Apache-2.0

internal import Spelling
internal import UnitSyntax

/// Puts the models of several files together: finds their caches, and names that are taken twice.
struct CatalogBuilder {
    private(set) var models: [CPUModel] = []
    private(set) var caches: [String: (hierarchy: CacheHierarchy, location: SourceLocation)] = [:]
    private(set) var versions: [String: CPUModelVersion] = [:]
    private(set) var problems: [UnitSyntaxError] = []

    private var drafts: [ModelDraft] = []
    private var names: [String: SourceLocation] = [:]

    mutating func add(_ file: ModelReader) {
        problems += file.problems
        if let model = file.model { drafts.append(model) }
        for table in file.caches {
            if let other = caches.updateValue(table, forKey: table.hierarchy.name) {
                let name = table.hierarchy.name
                problems.append(
                    UnitSyntaxError(table.location, "the caches \(name) are defined in \(other.location) too"))
            }
        }
    }

    mutating func build() {
        for draft in drafts {
            let built = draft.versions.map { version($0, of: draft) }
            let model = CPUModel(
                name: draft.name, vendor: draft.vendor, versions: built, note: draft.note,
                deprecation: draft.deprecation, location: draft.location)
            models.append(model)
            if let first = built.first { claim(model.name, for: first, draft.location) }
            for (version, source) in zip(built, draft.versions) {
                claim(version.name, for: version, source.location)
                if let alias = version.alias { claim(alias, for: version, source.location) }
            }
        }
    }

    private mutating func version(_ version: ModelDraft.Version, of model: ModelDraft) -> CPUModelVersion {
        var table: CacheHierarchy?
        if let line = version.caches {
            table = caches[line.value]?.hierarchy
            // A later version repeats what the one before said: one message is enough.
            if table == nil, version.location.line < line.location.line, problems.count < ModelReader.mostProblems {
                let suggestion = nearest(line.value, in: caches.keys.sorted()).map { "; did you mean \"\($0)\"?" } ?? ""
                problems.append(line.error("names caches that no file defines, \"\(line.value)\"\(suggestion)"))
            }
        }
        return CPUModelVersion(
            modelName: model.name, number: version.number, alias: version.alias, note: version.note,
            vendor: model.vendor, signature: version.signature, description: version.description,
            level: version.level, extendedLevel: version.extendedLevel, features: version.features, caches: table,
            forcesLeaf1F: version.forcesLeaf1F)
    }

    private mutating func claim(_ name: String, for version: CPUModelVersion, _ location: SourceLocation) {
        if let other = names[name] {
            problems.append(UnitSyntaxError(location, "the name \(name) is taken in \(other) already"))
            return
        }
        names[name] = location
        versions[name] = version
    }
}
