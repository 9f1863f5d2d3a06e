// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Descriptors
import JSON
import JSONRPC
import Reactor
import UnitSyntax

/// Defines and removes models at run time. One edit at a time; each is on the disk before it is in force and answered.
@ReactorActor
final class CatalogEditor {
    private let models: ModelService
    private let registry: VMRegistry
    private let log: EventLog
    private let files: DefinitionFiles?
    private let readCatalog: () throws -> ModelCatalog
    private var isEditing = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// An editor that writes to these files; `readCatalog` reads all model files anew.
    init(
        models: ModelService, registry: VMRegistry, log: EventLog, files: DefinitionFiles?,
        readingCatalog readCatalog: @escaping () throws -> ModelCatalog
    ) {
        self.readCatalog = readCatalog
        self.models = models
        self.registry = registry
        self.log = log
        self.files = files
    }

    /// `model.define`.
    func define(_ parameters: DefineParameters, by peer: Peer) async throws -> Reply {
        try await inTurn { try await defineNow(parameters, by: peer) }
    }

    /// `model.remove`.
    func remove(_ parameters: RemoveParameters, by peer: Peer) async throws -> Reply {
        try await inTurn { try await removeNow(parameters, by: peer) }
    }

    private func defineNow(_ parameters: DefineParameters, by peer: Peer) async throws -> Reply {
        let files = try writableFiles()
        let bytes = Array(parameters.text.utf8)
        let name = try Self.name(in: bytes)
        let existing = models.catalog.model(named: name)
        let refused = existing == nil ? refusedFile(of: name, in: files) : nil
        if existing != nil || refused != nil, !parameters.replace {
            var data: JSONObject = ["model": .string(existing?.name ?? name)]
            if let existing { data.set(.string(existing.digest), for: "digest") }
            let fault = refused.map { ", which is left out (\($0.summary))" } ?? ""
            throw APIError(
                .modelExists,
                "There is a model \(existing?.name ?? name) already\(fault); say \"replace\" to put this one in its place.",
                data: data)
        }
        if let existing {
            try checkEditable(existing, digest: parameters.digest, force: parameters.force)
        } else if refused != nil {
            try checkEditable(refused: name, digest: parameters.digest, force: parameters.force)
        }
        let file = ModelFile(path: files.path(of: name), bytes: bytes, origin: .runtime)
        let catalog = try Self.checked { () throws(CatalogError) in
            existing == nil && refused == nil ? try models.catalog.adding(file) : try models.catalog.replacing(file)
        }
        guard let model = catalog.model(named: name), model.location.file == file.path else {
            throw APIError(.badDocument, "The text defines no model \(name).")
        }
        try await store(catalog) { () throws(FileError) in try files.write(bytes, of: name) }
        log.record(
            Event(
                .modelDefined,
                "User \(peer.userID) has \(existing == nil ? "defined" : "changed") the model \(model.name)."
            )
            .with("CPUMODELD_MODEL", model.name)
            .with("CPUMODELD_DIGEST", model.digest)
            .of(peer))
        return .value(DefineResult(model: model.name, digest: model.digest, isNew: existing == nil))
    }

    private func removeNow(_ parameters: RemoveParameters, by peer: Peer) async throws -> Reply {
        let files = try writableFiles()
        let name = parameters.model
        let path: String
        if let model = models.catalog.model(named: name), model.name == name {
            try checkEditable(model, digest: parameters.digest, force: parameters.force)
            path = model.location.file
        } else if let file = refusedFile(of: name, in: files) {
            try checkEditable(refused: name, digest: parameters.digest, force: parameters.force)
            path = file.path
        } else {
            throw models.unknownModel(name)
        }
        let catalog = try Self.checked { () throws(CatalogError) in try models.catalog.removing(path: path) }
        try await store(catalog) { () throws(FileError) in try files.remove(name) }
        log.record(
            Event(.modelRemoved, "User \(peer.userID) has removed the model \(name).")
                .with("CPUMODELD_MODEL", name)
                .of(peer))
        return .written { writer in writer.object { $0.member("removed", name) } }
    }

    /// The file of a model that was defined at run time and is refused; such a one can be replaced and removed as well.
    private func refusedFile(of name: String, in files: DefinitionFiles) -> RefusedModelFile? {
        models.catalog.refused.first { $0.path == files.path(of: name) }
    }

    private func writableFiles() throws(APIError) -> DefinitionFiles {
        guard let files else {
            throw APIError(
                .notPermitted, "No directory for models defined at run time is configured: set DefinedModels=.")
        }
        return files
    }

    /// Only what was defined at run time can be changed at run time; and not under somebody who has read something else, nor
    /// under a VM.
    private func checkEditable(_ model: CPUModel, digest: String?, force: Bool) throws(APIError) {
        guard model.origin == .runtime else {
            throw APIError(
                .notPermitted,
                "The model \(model.name) comes from \(model.location.file); a file of the same name in /etc/cpumodeld/models "
                    + "overrides it.", data: ["model": .string(model.name)])
        }
        if let digest, digest != model.digest {
            throw APIError(
                .modelChanged, "The model \(model.name) has changed since; read it again and decide anew.",
                data: ["model": .string(model.name), "digest": .string(model.digest)])
        }
        if !force { try checkUnused(model.name, versions: Set(model.versions.map(\.name))) }
    }

    /// The same for one whose file is refused: what it was, and so its digest, nobody knows.
    private func checkEditable(refused name: String, digest: String?, force: Bool) throws(APIError) {
        guard digest == nil else {
            throw APIError(
                .modelChanged, "The model \(name) is left out, as its file is wrong, and has no digest now.",
                data: ["model": .string(name)])
        }
        if !force {
            try checkUnused(name, versions: Set(registry.all.map(\.model).filter { $0.hasPrefix("\(name)-v") }))
        }
    }

    private func checkUnused(_ name: String, versions: Set<String>) throws(APIError) {
        let users = registry.all.filter { versions.contains($0.model) }.map(\.name)
        guard users.isEmpty else {
            throw APIError(
                .modelInUse,
                "The model \(name) is in use by \(users.count) VMs, among them \(users.prefix(3).joined(separator: ", ")); "
                    + "they keep their CPU if you say \"force\".",
                data: ["model": .string(name), "vms": .array(users.map { .string($0) })])
        }
    }

    /// The name that a text gives its model, which is also that of its file.
    private static func name(in bytes: [UInt8]) throws(APIError) -> String {
        let names = try modelSections(in: bytes).compactMap { $0.last("Name")?.value }
        guard names.count == 1, let name = names.first else {
            throw APIError(.badDocument, "The text must have one section [Model] with a Name=.")
        }
        guard name.utf8.allSatisfy(Self.isNameByte), name.utf8.first != UInt8(ascii: "."), !name.isEmpty else {
            throw APIError(.badDocument, "\"\(name)\" cannot be the name of a model: A-Z a-z 0-9 . _ - only.")
        }
        return name
    }

    private static func modelSections(in bytes: [UInt8]) throws(APIError) -> [UnitSection] {
        do throws(UnitSyntaxError) {
            return try UnitFile(parsing: bytes, file: "the text").sections.filter { $0.name == "Model" }
        } catch {
            throw APIError(.badDocument, error.description)
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func checked(_ body: () throws(CatalogError) -> ModelCatalog) throws(APIError) -> ModelCatalog {
        do throws(CatalogError) {
            return try body()
        } catch {
            throw APIError(
                .badDocument, error.problems.first?.description ?? error.description,
                data: ["problems": .array(error.problems.map { .string($0.description) })])
        }
    }

    /// Does what may wait for the disk, elsewhere, and then puts the catalog in force that it leads to.
    private func store(
        _ catalog: ModelCatalog, _ work: @escaping @Sendable () throws(FileError) -> Void
    ) async throws {
        let before = models.generation
        let result = try await Reactor.offThread { () -> Result<Void, FileError> in
            do throws(FileError) { return .success(try work()) } catch { return .failure(error) }
        }
        if case .failure(let error) = result {
            throw APIError(
                .notStored, "The model could not be stored, and nothing was changed: \(error)",
                data: ["errno": .integer(Int64(error.errno))])
        }
        // A reload in the meantime has put another catalog in force than the one this edit started from.
        models.replaceCatalog(models.generation == before ? catalog : try readCatalog())
    }

    /// Runs edits one after the other, in the order in which they came.
    private func inTurn(_ edit: () async throws -> Reply) async throws -> Reply {
        if isEditing { await withCheckedContinuation { waiting.append($0) } } else { isEditing = true }
        defer { if waiting.isEmpty { isEditing = false } else { waiting.removeFirst().resume() } }
        return try await edit()
    }
}
