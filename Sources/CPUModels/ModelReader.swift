// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax
import X86CPU

/// Reads the sections of one model file and gathers what is wrong with them.
///
/// A section with an error is left out; the sections behind it are still read, so that one run shows all errors.
struct ModelReader: Sendable {
    let path: String
    private(set) var model: ModelDraft?
    private(set) var caches: [(hierarchy: CacheHierarchy, location: SourceLocation)] = []
    private(set) var problems: [UnitSyntaxError] = []

    let origin: ModelFile.Origin
    private var hasModelSection = false

    /// After so many problems nobody reads on, and looking for what was meant takes time.
    static let mostProblems = 50

    private static let commonKeys = [
        "Note", "Deprecated", "Replacement", "Add", "Remove", "Family", "Model", "Stepping", "Description", "Level",
        "ExtendedLevel", "Caches", "Leaf0x1F", "AVX10",
    ]
    private static let modelKeys = ["Name", "Extends", "Vendor", "Features"] + commonKeys
    private static let versionKeys = ["Number", "Alias"] + commonKeys
    private static let listKeys: Set = ["Features", "Add", "Remove"]

    init(_ file: ModelFile) {
        path = file.path
        origin = file.origin
        do throws(UnitSyntaxError) {
            read(try UnitFile(parsing: file.bytes, file: file.path))
        } catch {
            problems.append(error)
        }
    }

    private mutating func read(_ file: UnitFile) {
        attempt { _ throws(UnitSyntaxError) in try file.refuseSections(notIn: ["Model", "Version", "Caches"]) }
        for section in file.sections where problems.count < Self.mostProblems {
            attempt { reader throws(UnitSyntaxError) in
                switch section.name {
                case "Model": try reader.readModel(section)
                case "Version": try reader.readVersion(section)
                case "Caches": reader.caches.append((try CacheHierarchy(section: section), section.location))
                default: break
                }
            }
        }
    }

    private mutating func readModel(_ section: UnitSection) throws(UnitSyntaxError) {
        guard !hasModelSection else {
            throw UnitSyntaxError(section.location, "there is a section \"Model\" in this file already")
        }
        hasModelSection = true
        check(section, keys: Self.modelKeys)
        func required(_ key: String) throws(UnitSyntaxError) -> UnitAssignment {
            guard let assignment = section.last(key) else {
                throw UnitSyntaxError(section.location, "there must be a key \"\(key)\" in the section \"Model\"")
            }
            return assignment
        }
        let name = try required("Name").modelName()
        model = ModelDraft(name: name, location: section.location, origin: origin)
        model?.extends = section.last("Extends")
        model?.note = section.last("Note")?.value
        if let extends = section.last("Extends") {
            if let features = section.last("Features") {
                throw features.error(
                    "cannot stand beside Extends=\(extends.value), which brings features; change them with Add= and Remove="
                )
            }
        } else {
            for key in ["Vendor", "Family", "Model", "Stepping", "Description"] { _ = try required(key) }
            for key in ["Add", "Remove"] {
                if let change = section.last(key) {
                    throw change.error("changes another model's features, and needs Extends= to tell whose")
                }
            }
        }
        var first = try changes(of: section)
        first.vendor = try section.last("Vendor")?.vendor()
        // In this section the note is the model's.
        first.note = nil
        readFeatures(section, &first, addedBy: section.last("Extends") == nil ? "Features" : "Add")
        model?.versions = [first]
    }

    private mutating func readVersion(_ section: UnitSection) throws(UnitSyntaxError) {
        guard let number = model?.versions.count, number > 0 else {
            // After an error in [Model] there is nothing to build on, and the error has been told.
            if hasModelSection { return }
            throw UnitSyntaxError(section.location, "a section \"Version\" needs a section \"Model\" before it")
        }
        guard let line = section.last("Number") else {
            throw UnitSyntaxError(section.location, "there must be a key \"Number\" in the section \"Version\"")
        }
        guard try line.integer(in: 1...9999) == number + 1 else {
            throw line.error("must be \(number + 1), the one after version \(number), not \(line.value)")
        }
        // With an error below, the versions that follow still have a number to follow.
        model?.versions.append(VersionDraft(location: section.location))

        check(section, keys: Self.versionKeys)
        var version = try changes(of: section)
        version.alias = try section.last("Alias")?.modelName()
        readFeatures(section, &version, addedBy: "Add")
        model?.versions[number] = version
    }

    /// What both kinds of section say in the same way.
    private func changes(of section: UnitSection) throws(UnitSyntaxError) -> VersionDraft {
        var changes = VersionDraft(location: section.location)
        changes.note = section.last("Note")?.value
        changes.deprecation = section.last("Deprecated")
        changes.replacement = section.last("Replacement")
        changes.family = try section.last("Family")?.integer(in: 0...270)
        changes.model = try section.last("Model")?.integer(in: 0...255)
        changes.stepping = try section.last("Stepping")?.integer(in: 0...15)
        changes.description = try section.last("Description")?.brand()
        changes.level = try section.last("Level")?.integer(in: 0...0xFFFF)
        changes.extendedLevel = try section.last("ExtendedLevel")?.extendedLevel()
        changes.caches = section.last("Caches")
        changes.forcesLeaf1F = try section.last("Leaf0x1F")?.boolean()
        if let line = section.last("AVX10") { changes.avx10Version = (try line.integer(in: 0...255), line) }
        return changes
    }

    /// Reports keys that are unknown or given twice; the others are worth reading even so.
    private mutating func check(_ section: UnitSection, keys: [String]) {
        attempt { _ throws(UnitSyntaxError) in try section.refuseKeys(notIn: keys) }
        attempt { _ throws(UnitSyntaxError) in
            try section.refuseRepetition(of: keys.filter { !Self.listKeys.contains($0) })
        }
    }

    private mutating func readFeatures(_ section: UnitSection, _ draft: inout VersionDraft, addedBy key: String) {
        draft.addition = section.last(key)
        draft.removal = section.last("Remove")
        draft.added = features(section.all(key))
        draft.removed = features(section.all("Remove"))
        guard let removal = draft.removal, problems.count < Self.mostProblems else { return }
        if let feature = draft.added.intersection(draft.removed).first(where: { _ in true }) {
            problems.append(removal.error("has \(FeatureRegistry.shared.name(of: feature)), which \(key)= has, too"))
        }
    }

    /// The features that these lines list. Names that are wrong are reported, and left out.
    private mutating func features(_ lines: [UnitAssignment]) -> FeatureSet {
        let registry = FeatureRegistry.shared
        var features = FeatureSet()
        for line in lines {
            for word in line.spacedWords() {
                if problems.count >= Self.mostProblems { return features }
                guard let feature = registry.feature(named: word) else {
                    let suggestion = didYouMean(registry.nearestName(to: word))
                    problems.append(line.error("has \"\(word)\", which is no feature\(suggestion)"))
                    continue
                }
                if let reason = feature.reasonNotToStore {
                    problems.append(line.error("has \"\(word)\", which no model can have: \(reason)"))
                } else if features.contains(feature) {
                    problems.append(line.error("has \"\(word)\", which is in the list already"))
                } else {
                    features.insert(feature)
                }
            }
        }
        return features
    }

    private mutating func attempt(_ read: (inout ModelReader) throws(UnitSyntaxError) -> Void) {
        do throws(UnitSyntaxError) {
            try read(&self)
        } catch {
            problems.append(error)
        }
    }
}

extension Feature {
    /// Why the feature cannot be part of a model, or of an expression; nil for nearly all.
    var reasonNotToStore: String? {
        switch self {
        case .osxsave: "it shows CR4.OSXSAVE of the running guest"
        case .ospke: "it shows CR4.PKE of the running guest"
        default: nil
        }
    }
}
