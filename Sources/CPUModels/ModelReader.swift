// SPDX-License-Identifier: Apache-2.0

internal import Spelling
internal import UnitSyntax
internal import X86CPU

/// Reads the sections of one model file and gathers what is wrong with them.
///
/// A section with an error is left out; a version that builds on one is still read, so that one run shows all errors.
struct ModelReader {
    private(set) var model: ModelDraft?
    private(set) var caches: [(hierarchy: CacheHierarchy, location: SourceLocation)] = []
    private(set) var problems: [UnitSyntaxError] = []
    private var hasModelSection = false

    /// After so many problems nobody reads on, and looking for what was meant takes time.
    static let mostProblems = 50

    private static let modelKeys = [
        "Name", "Vendor", "Family", "Model", "Stepping", "Description", "Level", "ExtendedLevel", "Features", "Caches",
        "Leaf0x1F", "Note", "Deprecated",
    ]
    private static let versionKeys = [
        "Number", "Alias", "Note", "Add", "Remove", "Family", "Model", "Stepping", "Description", "Level",
        "ExtendedLevel", "Caches", "Leaf0x1F",
    ]
    private static let listKeys: Set = ["Features", "Add", "Remove"]

    init(_ bytes: [UInt8], file: String) {
        do throws(UnitSyntaxError) {
            let file = try UnitFile(parsing: bytes, file: file)
            read(file)
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

    /// Reports keys that are unknown or given twice; the others are worth reading even so.
    private mutating func check(_ section: UnitSection, keys: [String]) {
        attempt { _ throws(UnitSyntaxError) in try section.refuseKeys(notIn: keys) }
        attempt { _ throws(UnitSyntaxError) in
            try section.refuseRepetition(of: keys.filter { !Self.listKeys.contains($0) })
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
        let vendorLine = try required("Vendor")
        guard let vendor = CPUVendor(vendorLine.value) else {
            let known = [CPUVendor.intel, .amd, .hygon, .centaur, .zhaoxin].map(\.description)
            let suggestion = nearest(vendorLine.value, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw vendorLine.error(
                "must be the 12 characters of CPUID leaf 0, not \"\(vendorLine.value)\"\(suggestion)")
        }
        for key in ["Family", "Model", "Stepping"] { _ = try required(key) }
        let first = ModelDraft.Version(
            number: 1, alias: nil, note: nil,
            signature: try section.signature(over: CPUSignature(eax: 0)),
            description: try required("Description").brand(),
            level: try section.last("Level")?.integer(in: 0...0xFFFF) ?? 0,
            extendedLevel: try section.extendedLevel() ?? 0x8000_0000,
            features: [], caches: section.last("Caches"),
            forcesLeaf1F: try section.last("Leaf0x1F")?.boolean() ?? false,
            location: section.location)
        model = ModelDraft(
            name: name, vendor: vendor, note: section.last("Note")?.value,
            deprecation: section.last("Deprecated")?.value, location: section.location, versions: [first])
        let features = readFeatures(section.all("Features"))
        model?.versions[0].features = features
    }

    private mutating func readVersion(_ section: UnitSection) throws(UnitSyntaxError) {
        guard let previous = model?.versions.last else {
            // After an error in [Model] there is nothing to build on, and the error has been told.
            if hasModelSection { return }
            throw UnitSyntaxError(section.location, "a section \"Version\" needs a section \"Model\" before it")
        }
        guard let number = section.last("Number") else {
            throw UnitSyntaxError(section.location, "there must be a key \"Number\" in the section \"Version\"")
        }
        guard try number.integer(in: 1...9999) == previous.number + 1 else {
            let next = previous.number + 1
            throw number.error("must be \(next), the one after version \(previous.number), not \(number.value)")
        }
        var version = previous
        version.number += 1
        // With an error below, the versions that follow still have a number to follow.
        model?.versions.append(version)

        check(section, keys: Self.versionKeys)
        version.location = section.location
        version.alias = try section.last("Alias")?.modelName()
        version.note = section.last("Note")?.value
        version.signature = try section.signature(over: previous.signature)
        version.description = try section.last("Description")?.brand() ?? previous.description
        version.level = try section.last("Level")?.integer(in: 0...0xFFFF) ?? previous.level
        version.extendedLevel = try section.extendedLevel() ?? previous.extendedLevel
        version.caches = section.last("Caches") ?? previous.caches
        version.forcesLeaf1F = try section.last("Leaf0x1F")?.boolean() ?? previous.forcesLeaf1F

        let added = readFeatures(section.all("Add"))
        let removed = readFeatures(section.all("Remove"))
        report(added.intersection(previous.features), section, "Add") {
            "\($0), which version \(previous.number) has already"
        }
        report(removed.subtracting(previous.features), section, "Remove") {
            "\($0), which version \(previous.number) does not have"
        }
        version.features = previous.features.union(added).subtracting(removed)
        model?.versions[version.number - 1] = version
    }

    /// The features that these lines list. Names that are wrong are reported, and left out.
    private mutating func readFeatures(_ lines: [UnitAssignment]) -> FeatureSet {
        let registry = FeatureRegistry.shared
        var features = FeatureSet()
        for line in lines {
            for word in line.spacedWords() {
                if problems.count >= Self.mostProblems { return features }
                guard let feature = registry.feature(named: word) else {
                    let suggestion = registry.nearestName(to: word).map { "; did you mean \"\($0)\"?" } ?? ""
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

    /// Reports changes that change nothing: most likely another feature was meant.
    private mutating func report(
        _ features: FeatureSet, _ section: UnitSection, _ key: String, _ text: (String) -> String
    ) {
        guard let feature = features.first(where: { _ in true }), let line = section.last(key) else { return }
        problems.append(line.error("has " + text(FeatureRegistry.shared.name(of: feature))))
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

extension UnitSection {
    /// The signature of this section's keys, or where they are not given that of the version before.
    fileprivate func signature(over previous: CPUSignature) throws(UnitSyntaxError) -> CPUSignature {
        let family = try last("Family")?.integer(in: 0...270) ?? previous.family
        let model = try last("Model")?.integer(in: 0...255) ?? previous.model
        let stepping = try last("Stepping")?.integer(in: 0...15) ?? previous.stepping
        if let signature = CPUSignature(family: family, model: model, stepping: stepping) { return signature }
        throw UnitSyntaxError(location, "family \(family) has no model numbers over 15")
    }

    fileprivate func extendedLevel() throws(UnitSyntaxError) -> UInt32? {
        try last("ExtendedLevel")?.integer(in: 0x8000_0000...0x8000_FFFF)
    }
}

extension UnitAssignment {
    /// The value as a model's name, which must not look like another model's version.
    fileprivate func modelName() throws(UnitSyntaxError) -> String {
        let name = try identifier()
        if name == "host" || name == "max" { throw error("cannot be \(name), which means what the host has") }
        if splitVersion(name) != nil { throw error("must not end like a version's number, as \"\(name)\" does") }
        return name
    }

    /// The value as the brand string of leaves 0x80000002...4.
    fileprivate func brand() throws(UnitSyntaxError) -> String {
        guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw error("must be plain ASCII") }
        let count = value.utf8.count
        guard count <= 48 else { throw error("has \(count) characters; CPUID has room for 48") }
        return value
    }
}

/// The model's name and the number in a name such as `EPYC-v2`; nil when the name does not end so.
func splitVersion(_ name: String) -> (model: Substring, number: Int)? {
    guard let dash = name.lastIndex(of: "-") else { return nil }
    let suffix = name[name.index(after: dash)...]
    guard suffix.first == "v", let number = Int(suffix.dropFirst()) else { return nil }
    return (name[..<dash], number)
}
