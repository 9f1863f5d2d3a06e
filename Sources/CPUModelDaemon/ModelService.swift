// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import GuestCPU
import JSON
import JSONRPC
import Reactor
import X86CPU

/// Answers what concerns models and tables alone, and no VM.
@ReactorActor
final class ModelService {
    private(set) var catalog: ModelCatalog
    /// How often another catalog was put in force: whoever works on one sees whether it still is.
    private(set) var generation = 0
    private let host: HostState
    /// The number of versions of all models.
    private(set) var versionCount: Int
    /// The answers of `model.list` for this host, all models and the usable ones, until the catalog changes.
    private var listAnswers: [Bool: [UInt8]] = [:]
    /// The answers of `model.expand` for this host, what expressions mean by themselves, and what on this host, until the
    /// catalog changes.
    private var expandAnswers = AnswerMemory<String, [UInt8]>(limit: 256)
    private var expansions = AnswerMemory<String, ExpandedModel>(limit: 256)
    private var descriptions = AnswerMemory<String, CPUDescription>(limit: 256)
    private var expansionsHere = AnswerMemory<String, ExpandedModel>(limit: 256)
    private var preparedDetector: ModelDetector?

    init(catalog: ModelCatalog, host: HostState) {
        self.catalog = catalog
        self.host = host
        versionCount = Self.countVersions(catalog)
    }

    /// Is told when another catalog is in force.
    var onChange: @ReactorActor () -> Void = {}

    /// Puts another catalog in force.
    func replaceCatalog(_ catalog: ModelCatalog) {
        defer { onChange() }
        self.catalog = catalog
        generation += 1
        versionCount = Self.countVersions(catalog)
        listAnswers = [:]
        expandAnswers.forget()
        expansions.forget()
        descriptions.forget()
        expansionsHere.forget()
        preparedDetector = nil
    }

    private static func countVersions(_ catalog: ModelCatalog) -> Int {
        catalog.models.reduce(0) { $0 + $1.versions.count }
    }

    /// Names CPUs by the models of the catalog.
    var detector: ModelDetector {
        if let preparedDetector { return preparedDetector }
        let detector = ModelDetector(catalog)
        preparedDetector = detector
        return detector
    }

    /// What an expression means by itself; `host` and `max` mean this host.
    func expandAnywhere(_ expression: String) throws(APIError) -> ExpandedModel {
        do throws(ExpressionError) {
            if let model = expansions[expression] { return model }
            let parsed = try ModelExpression(parsing: expression)
            let needsHost = parsed.base == "host" || parsed.base == "max"
            let model = try catalog.expand(parsed, on: needsHost ? host.host : nil)
            expansions[expression] = model
            return model
        } catch {
            throw APIError(error, in: expression)
        }
    }

    /// The same as a CPU among others.
    func describeAnywhere(_ expression: String) throws(APIError) -> CPUDescription {
        if let cpu = descriptions[expression] { return cpu }
        let cpu = CPUDescription(try expandAnywhere(expression))
        descriptions[expression] = cpu
        return cpu
    }

    /// `model.list`.
    func list(_ parameters: ListParameters) -> Reply {
        if let other = parameters.host {
            return .encoded(listAnswer(on: other, usableOnly: parameters.usableOnly))
        }
        if let answer = listAnswers[parameters.usableOnly] { return .encoded(answer) }
        let host = host.host
        let answer = listAnswer(on: host, usableOnly: parameters.usableOnly)
        // Of a host that may become known later it would not stay true.
        if host != nil { listAnswers[parameters.usableOnly] = answer }
        return .encoded(answer)
    }

    private func listAnswer(on host: HostCPU?, usableOnly: Bool) -> [UInt8] {
        let summaries = makeSummaries(on: host)
        var writer = JSONWriter(capacity: 1 << 16)
        writer.object { writer in
            writer.member("models", usableOnly ? summaries.filter { $0.unavailable?.isEmpty == true } : summaries)
            writer.member("digest", catalog.digest)
        }
        return writer.take()
    }

    /// `model.show`.
    func show(_ parameters: ShowParameters) throws(APIError) -> Reply {
        guard let version = catalog.version(named: parameters.model),
            let model = catalog.model(named: parameters.model)
        else { throw unknownModel(parameters.model) }
        return .value(ModelDefinition(version, of: model))
    }

    /// A name that no model has.
    func unknownModel(_ name: String) -> APIError {
        APIError(unknownModel: name, in: catalog)
    }

    /// `model.expand`.
    func expand(_ parameters: ExpandParameters) throws(APIError) -> Reply {
        if let other = parameters.host { return .encoded(try expandAnswer(parameters.model, on: other)) }
        let host = try host.required()
        if let answer = expandAnswers[parameters.model] { return .encoded(answer) }
        let answer = try expandAnswer(parameters.model, on: host)
        expandAnswers[parameters.model] = answer
        return .encoded(answer)
    }

    private func expandAnswer(_ expression: String, on host: HostCPU) throws(APIError) -> [UInt8] {
        let guest = try guest(
            expand(expression, on: host), on: host, topology: nil, vcpuCount: 1, options: GuestCPU.Options())
        return Expansion(guest).jsonBytes()
    }

    /// `table.compute`.
    func compute(_ parameters: ComputeParameters) throws(APIError) -> Reply {
        let cpu = try cpu(
            parameters.guest, over: bases(parameters.guest), on: parameters.host,
            vcpuCount: parameters.guest.options.apicIDs?.count)
        let guest = try checked(cpu, parameters.guest)
        let count = guest.tables.count
        let vcpus = parameters.vcpus ?? Array(0..<count)
        if let beyond = vcpus.first(where: { $0 >= count }) {
            throw APIError(.badTopology, "There is no vCPU \(beyond): there are \(count).")
        }
        let explanations = parameters.explain.map { explain in
            vcpus.map { cpu.explanation(ofVCPU: $0, history: history(of: cpu.guest), isWanted: explain.includes) }
        }
        return .value(ComputeResult(guest, vcpus: vcpus, explanations: explanations ?? []))
    }

    /// Who decided the bits of the table that a VM's first vCPU has, as the catalog and this host are now.
    func explanation(of record: VMRecord, _ explain: ExplainParameters) throws(APIError) -> GuestExplanation {
        let host = try host.required()
        let model = try expand(record.expression, on: host)
        var options = record.options
        // vCPUs that came one at a time are more than a topology of one of them has.
        if options.apicIDs?.count != record.topology.vcpuCount { options.apicIDs = nil }
        let cpu: ComputedCPU
        if let overlay = record.overlay {
            cpu = .overlay(
                try lay(model, over: [overlay.base], keeping: overlay.kept, topology: nil, options: options, on: host))
        } else {
            cpu = .guest(
                try guest(model, on: host, topology: record.topology, vcpuCount: 1, options: options))
        }
        return cpu.explanation(
            ofVCPU: 0, history: history(of: cpu.guest), held: record.table, isWanted: explain.includes)
    }

    private func history(of guest: GuestCPU) -> [CPUModelVersion] {
        catalog.model(named: guest.model.name)?.versions ?? []
    }

    /// The tables in a request that has no vCPUs.
    private func bases(_ parameters: GuestParameters) throws(APIError) -> [CPUIDTable]? {
        switch parameters.overlay?.base {
        case nil: return nil
        case .given(let tables): return tables
        case .current:
            throw APIError(
                .badBase, "There are no vCPUs here whose current tables could be the base: give the tables themselves.")
        }
    }

    /// The tables that a request asks for, under its policy for what the host cannot give.
    ///
    /// - Parameters:
    ///   - bases: tables of a VMM's own to lay the model over, one a vCPU; nil where the request has no base.
    ///   - vcpuCount: how many vCPUs there are where the request gives no topology; nil for as many as there are bases,
    ///     or one.
    func tables(
        _ parameters: GuestParameters, over bases: [CPUIDTable]?, vcpuCount: Int?
    ) throws(APIError) -> GuestTables {
        try checked(cpu(parameters, over: bases, on: nil, vcpuCount: vcpuCount), parameters)
    }

    /// The CPU that a request asks for, whatever the host lacks; nil stands for this host.
    private func cpu(
        _ parameters: GuestParameters, over bases: [CPUIDTable]?, on other: HostCPU?, vcpuCount: Int?
    ) throws(APIError) -> ComputedCPU {
        let host = try chosen(other)
        let model = other == nil ? try expandHere(parameters.model) : try expand(parameters.model, on: host)
        guard let overlay = parameters.overlay, let bases else {
            return .guest(
                try guest(
                    model, on: host, topology: parameters.topology, vcpuCount: vcpuCount ?? 1,
                    options: parameters.options))
        }
        return .overlay(
            try lay(
                model, over: bases, keeping: overlay.kept, topology: parameters.topology, options: parameters.options,
                on: host, vcpuCount: vcpuCount))
    }

    /// Its tables, under the request's policy for what the host cannot give.
    private func checked(_ cpu: ComputedCPU, _ parameters: GuestParameters) throws(APIError) -> GuestTables {
        let tables = cpu.tables
        if parameters.unavailable == .fail, !tables.missing.isEmpty {
            throw APIError(unavailable: tables.missing, of: tables.model.name)
        }
        return tables
    }

    private func lay(
        _ model: ExpandedModel, over bases: [CPUIDTable], keeping kept: Set<OverlayPart>, topology: Topology?,
        options: GuestCPU.Options, on host: HostCPU, vcpuCount: Int? = nil
    ) throws(APIError) -> Overlay {
        let shape = try self.topology(topology, vcpuCount: vcpuCount ?? bases.count)
        do throws(OverlayError) {
            return try Overlay(
                model: model, host: host, over: bases, keeping: kept, topology: shape, options: options)
        } catch {
            throw APIError(error)
        }
    }

    private func guest(
        _ model: ExpandedModel, on host: HostCPU, topology: Topology?, vcpuCount: Int, options: GuestCPU.Options
    ) throws(APIError) -> GuestCPU {
        let shape = try self.topology(topology, vcpuCount: vcpuCount)
        do throws(GuestCPUError) {
            return try GuestCPU(model: model, host: host, topology: shape, options: options)
        } catch {
            throw APIError(error)
        }
    }

    /// The topology of a request, or one socket with a core a vCPU.
    private func topology(_ given: Topology?, vcpuCount: Int) throws(APIError) -> Topology {
        if let given { return given }
        do throws(TopologyError) {
            return try Topology(cores: UInt32(vcpuCount))
        } catch {
            throw APIError(.badTopology, error.description)
        }
    }

    /// The host that a request names, or this one.
    private func chosen(_ other: HostCPU?) throws(APIError) -> HostCPU {
        if let other { return other }
        return try host.required()
    }

    private func expand(_ expression: String, on host: HostCPU) throws(APIError) -> ExpandedModel {
        do throws(ExpressionError) {
            return try catalog.expand(ModelExpression(parsing: expression), on: host)
        } catch {
            throw APIError(error, in: expression)
        }
    }

    private func expandHere(_ expression: String) throws(APIError) -> ExpandedModel {
        if let model = expansionsHere[expression] { return model }
        let model = try expand(expression, on: host.required())
        expansionsHere[expression] = model
        return model
    }

    private func makeSummaries(on host: HostCPU?) -> [ModelSummary] {
        catalog.models.flatMap { model in
            model.versions.map { version in
                let unavailable = host.flatMap { host in
                    (try? expand(version.name, on: host)).map { $0.unavailable.map(\.feature) }
                }
                return ModelSummary(version, unavailable: unavailable)
            }
        }
    }
}
