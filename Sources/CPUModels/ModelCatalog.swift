// SPDX-License-Identifier: Apache-2.0

internal import Spelling
internal import UnitSyntax
public import X86CPU

/// All CPU models, as read from their files; never changed once built.
public struct ModelCatalog: Sendable {
    /// The models, by name.
    public let models: [CPUModel]
    /// The cache tables that files define, by name.
    public let caches: [CacheHierarchy]
    /// A hash of all that the models are, in hexadecimal: equal catalogs have equal digests, whatever their files look
    /// like.
    public let digest: String

    private let versions: [String: CPUModelVersion]

    /// The catalog of these files.
    ///
    /// - Throws: ``CatalogError`` with all that is wrong in any of them.
    public init(files: [(name: String, bytes: [UInt8])]) throws(CatalogError) {
        var builder = CatalogBuilder()
        for file in files { builder.add(ModelReader(file.bytes, file: file.name)) }
        builder.build()
        guard builder.problems.isEmpty else { throw CatalogError(problems: builder.problems) }
        models = builder.models.sorted { $0.name < $1.name }
        caches = builder.caches.values.map(\.hierarchy).sorted { $0.name < $1.name }
        versions = builder.versions
        digest = Self.digest(of: models)
    }

    /// The version of that name: `EPYC-v2`, its alias `EPYC-IBPB`, or `EPYC`, which means version 1 as it does on
    /// QEMU's PC machines.
    public func version(named name: String) -> CPUModelVersion? { versions[name] }

    /// The name that a misspelt one most likely means; nil when none is near.
    public func nearestName(to name: String) -> String? {
        if let (model, _) = splitVersion(name), let found = versions[String(model)] {
            return models.first { $0.name == found.modelName }?.versions.last?.name
        }
        return nearest(name, in: (versions.keys + ["host", "max"]).sorted())
    }

    /// The cache table of that name.
    public func caches(named name: String) -> CacheHierarchy? { caches.first { $0.name == name } }

    /// The cache table of a vendor's models that have none of their own: `legacy-amd` or `legacy-intel`.
    public func legacyCaches(for vendor: CPUVendor) -> CacheHierarchy? {
        caches(named: vendor.isAMDLike ? "legacy-amd" : "legacy-intel")
    }

    private static func digest(of models: [CPUModel]) -> String {
        var text = ""
        for version in models.lazy.flatMap(\.versions) {
            text += "\(version.name) \(version.alias ?? "-") \(version.vendor) \(version.signature) "
            text += "\(version.level) \(version.extendedLevel) \(version.forcesLeaf1F) \(version.description)\n"
            for word in FeatureWord.allCases where version.features[word] != 0 {
                text += "\(word.rawValue)=\(version.features[word]) "
            }
            for cache in version.caches?.all ?? [] { text += "\n\(cache.digestText)" }
            text += "\n"
        }
        return SHA256.hex(text.utf8)
    }
}

extension Cache {
    /// All fields, in an order that stays.
    fileprivate var digestText: String {
        let numbers = [
            UInt32(kind.rawValue), UInt32(level), size, lineSize, ways, partitions, sets, UInt32(linesPerTag),
        ]
        let flags = [isSelfInitializing, invalidatesNoSharers, isInclusive, hasComplexIndexing]
        return "\(numbers) \(flags) \(scope)"
    }
}
