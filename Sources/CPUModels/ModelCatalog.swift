// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax
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

    /// The files that are left out since something is wrong with them, by path; none in most catalogs.
    public let refused: [RefusedModelFile]

    /// The files as read, from which other catalogs are made; those that are refused too.
    let files: [ModelReader]
    /// Those of the refused that could not be read at all.
    let unreadable: [RefusedModelFile]

    private let names: [String: CatalogBuilder.Place]

    /// The catalog of these files; their order means nothing.
    ///
    /// - Throws: ``CatalogError`` with all that is wrong in any of them.
    public init(files: [ModelFile]) throws(CatalogError) {
        let files = files.map(ModelReader.init)
        let sieve = CatalogSieve(files, unreadable: [])
        let faults = sieve.faults.filter { !$0.isConsequence }
        guard faults.isEmpty else { throw CatalogError(problems: faults.map(\.problem)) }
        self.init(sieve, of: files)
    }

    /// The catalog of files of which only content and name matter.
    ///
    /// - Throws: ``CatalogError`` with all that is wrong in any of them.
    public init(files: [(name: String, bytes: [UInt8])]) throws(CatalogError) {
        try self.init(files: files.map { ModelFile(path: $0.name, bytes: $0.bytes) })
    }

    /// The catalog of those of these files that are right; ``refused`` has the others, and what cannot be read.
    public init(whatIsRightOf files: [ModelFile], unreadable: [RefusedModelFile] = []) {
        let files = files.map(ModelReader.init)
        self.init(CatalogSieve(files, unreadable: unreadable), of: files, unreadable: unreadable)
    }

    init(_ sieve: CatalogSieve, of files: [ModelReader], unreadable: [RefusedModelFile] = []) {
        let builder = sieve.builder
        self.files = files
        self.unreadable = unreadable
        refused = sieve.refused
        models = builder.models
        caches = builder.caches.values.sorted { $0.name < $1.name }
        names = builder.names
        digest = SHA256.hex(models.lazy.map(\.digest).joined(separator: "\n").utf8)
    }

    /// The refused file in which a model, version or alias of that name stands, most likely; nil where there is a model of
    /// that name, or nothing is known of one.
    public func refusedFile(of name: String) -> RefusedModelFile? {
        names[name] == nil ? refused.first { $0.defines(name) } : nil
    }

    /// The version of that name: `EPYC-v2`, its alias `EPYC-IBPB`, or `EPYC`, which means version 1 as it does on
    /// QEMU's PC machines.
    public func version(named name: String) -> CPUModelVersion? {
        names[name].map { models[$0.model].versions[$0.version] }
    }

    /// The model of that name, or of a version or alias of that name.
    public func model(named name: String) -> CPUModel? { names[name].map { models[$0.model] } }

    /// The name that a misspelt one most likely means; nil when none is near.
    public func nearestName(to name: String) -> String? {
        if let (model, _) = splitVersion(name), let found = self.model(named: String(model)) {
            return found.versions.last?.name
        }
        return nearest(name, in: (names.keys + ["host", "max"]).sorted())
    }

    /// The cache table of that name.
    public func caches(named name: String) -> CacheHierarchy? { caches.first { $0.name == name } }

    /// The cache table of a vendor's models that have none of their own: `legacy-amd` or `legacy-intel`.
    public func legacyCaches(for vendor: CPUVendor) -> CacheHierarchy? {
        caches(named: vendor.isAMDLike ? "legacy-amd" : "legacy-intel")
    }
}
