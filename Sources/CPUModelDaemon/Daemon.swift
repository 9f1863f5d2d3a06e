// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Descriptors
import Glibc
import JSON
import JSONRPC
import KVM
public import Reactor
import Spelling
import Systemd
import UnitSyntax
import X86CPU

/// The daemon: sockets, services, signals, and the service manager.
@ReactorActor
public final class Daemon {
    /// The version of this program.
    public nonisolated static let version = "0.1.0"

    private let source: ConfigurationSource
    private var configuration: Configuration
    private let log: EventLog
    private let manager = ServiceNotifier()
    private let host: HostState
    private let models: ModelService
    private let vms: VMService
    private let store: StateStore?
    private let history: HostHistoryService
    private let gate: AccessGate
    private let accounts: UserAccounts
    private let metrics = Metrics()
    private var publisher: MetricsPublisher?
    private let features: FilePublisher
    private var watches: WatchService?
    private var listeners: [Listener] = []
    private let started = ContinuousClock.now
    private let startTime = Double(time(nil))
    /// Whether files are being read anew; and whether they have to be once more, since a signal came meanwhile.
    private var isReloading = false, mustReloadAgain = false
    /// The files of models that are left out, as they were recorded.
    private var toldRefused: Set<RefusedModelFile> = []

    /// A daemon with the configuration that comes from a source; reads the catalog, as far as it is right, and asks the host.
    ///
    /// - Throws: what is wrong with the configuration.
    public init(_ source: ConfigurationSource) throws {
        let prepared = try PreparedConfiguration(reading: source)
        self.source = source
        configuration = prepared.loaded.configuration
        log = EventLog(configuration.logTarget)
        host = HostState(log)
        features = FilePublisher("The labels of this node are", log: log)
        models = ModelService(catalog: prepared.catalog, host: host)
        store = Self.openStore(configuration, manager: manager, log: log)
        let registry = VMRegistry()
        registry.limits = configuration.registryLimits
        gate = AccessGate(AccessPolicy(configuration), registry: registry, log: log)
        accounts = UserAccounts(limits: configuration.userLimits)
        accounts.byteLimit = configuration.maximumQueuedBytes
        vms = VMService(
            registry: registry, gate: gate, models: models, host: host, log: log, metrics: metrics,
            executors: ExecutorPolicy(configuration), store: store)
        gate.onRefusal = { [metrics] action in metrics.countRefusal(of: action) }
        history = HostHistoryService(registry: vms.registry, models: models)
    }

    /// Opens the sockets and starts to serve.
    public func start() throws {
        let dispatcher = Dispatcher(methods())
        dispatcher.onFinish = { [metrics] in metrics.count($0) }
        dispatcher.suggestion = { name in nearest(name, in: Method.all.map(\.name)) }
        let passed = ServiceManager.activatedSockets()
        let activated = passed.filter { !$0.name.hasPrefix(StateStore.ownerPrefix) }
        restoreVMs(owners: passed.filter { $0.name.hasPrefix(StateStore.ownerPrefix) })
        for socket in activated {
            try listen(
                on: OwnedDescriptor(owning: socket.descriptor), as: socket.name == "cpumodeld-query" ? .query : .full,
                dispatcher)
        }
        if activated.isEmpty {
            let mode = configuration.socketMode
            try listen(on: Listener.bind(to: configuration.socketPath, mode: mode), as: .full, dispatcher)
            try listen(on: Listener.bind(to: configuration.querySocketPath, mode: mode), as: .query, dispatcher)
        }
        try handleSignals()
        feedWatchdog()
        publisher = MetricsPublisher(log: log) { [weak self] in self?.metricsReport.text(.prometheus) ?? "" }
        publisher?.update(configuration)
        models.onChange = { [weak self] in
            self?.publishFeatures()
            self?.tellRefusedFiles()
        }
        features.move(to: configuration.featuresFile)
        host.whenKnown { [weak self] _ in self?.publishFeatures() }
        announce()
    }

    /// A daemon that cannot keep VMs over restarts is still of use to those that are started now.
    private static func openStore(
        _ configuration: Configuration, manager: ServiceNotifier, log: EventLog
    ) -> StateStore? {
        guard let directory = configuration.stateDirectory else { return nil }
        do throws(StateError) {
            return try StateStore(directory: directory, manager: manager)
        } catch {
            log.record(Event(.stateFailed, "VMs would be lost with a restart of cpumodeld: \(error)."))
            return nil
        }
    }

    private func restoreVMs(owners: [ServiceManager.ActivatedSocket]) {
        let kept = owners.map {
            (String($0.name.dropFirst(StateStore.ownerPrefix.count)), SharedDescriptor(owning: $0.descriptor))
        }
        guard let store else { return }
        Restoration(store: store, registry: vms.registry, log: log)
            .run(owners: Dictionary(kept) { first, _ in first })
    }

    private func listen(
        on socket: consuming OwnedDescriptor, as kind: Connection.Kind, _ dispatcher: Dispatcher
    ) throws {
        let listener = Listener(
            owning: socket, kind: kind, dispatcher: dispatcher, limits: configuration.listenerLimits,
            connectionLimits: configuration.connectionLimits, accounts: accounts
        ) { [log, metrics] event in
            metrics.count(event)
            Self.record(event, in: log)
        }
        try listener.start()
        listeners.append(listener)
    }

    // MARK: Methods

    private func methods() -> [ServedMethod] {
        let (models, vms, host) = (models, vms, host)
        let algebra = AlgebraService(models: models, registry: vms.registry, host: host)
        let translation = TranslationService(models: models)
        let live = LiveService(registry: vms.registry, host: host)
        let watches = WatchService(registry: vms.registry, live: live)
        let listing = VMListing(registry: vms.registry, models: models, host: host, live: live)
        self.watches = watches
        let editor = CatalogEditor(
            models: models, registry: vms.registry, log: log,
            files: configuration.definedModelsDirectory.map(DefinitionFiles.init(directory:))
        ) { [weak self] in
            guard let self else { throw CancellationError() }
            return ModelFiles.catalog(of: configuration.modelSources)
        }
        return [
            immediate(.discover, NoParameters.self) { _, _ in .value(Discovery(version: Self.version)) },
            immediate(.status, StatusParameters.self) { [weak self] parameters, _ in
                guard let self else { throw CancellationError() }
                return .value(status(withChanges: parameters.changes))
            },
            immediate(.metrics, NoParameters.self) { [weak self] _, _ in
                guard let self else { throw CancellationError() }
                return .value(
                    MetricsResult(
                        contentType: MetricsText.contentType, text: metricsReport.text(.openMetrics)))
            },
            immediate(.describeHost, NoParameters.self) { _, _ in .value(HostDocument(try host.required())) },
            immediate(.listModels, ListParameters.self) { parameters, _ in models.list(parameters) },
            immediate(.showModel, ShowParameters.self) { parameters, _ in try models.show(parameters) },
            immediate(.expandModel, ExpandParameters.self) { parameters, _ in try models.expand(parameters) },
            served(
                .defineModel,
                .asynchronous {
                    try await editor.define(DefineParameters(reading: $0.params, path: "params"), by: $0.peer)
                }),
            served(
                .removeModel,
                .asynchronous {
                    try await editor.remove(RemoveParameters(reading: $0.params, path: "params"), by: $0.peer)
                }),
            immediate(.detectModel, DetectParameters.self) { parameters, _ in try algebra.detect(parameters) },
            immediate(.compareModels, CompareParameters.self) { parameters, _ in try algebra.compare(parameters) },
            immediate(.baselineModels, BaselineParameters.self) { parameters, _ in try algebra.baseline(parameters) },
            immediate(.exportModel, ExportParameters.self) { parameters, _ in try translation.export(parameters) },
            immediate(.importModel, ImportParameters.self) { parameters, _ in try translation.import(parameters) },
            immediate(.checkMigration, CheckMigrationParameters.self) { parameters, _ in
                try algebra.checkMigration(parameters)
            },
            immediate(.computeTable, ComputeParameters.self) { parameters, _ in try models.compute(parameters) },
            served(.applyVM, .asynchronous { request in try await vms.apply(request) }),
            served(.attachVM, .immediate { request in try live.attach(request) }),
            served(.vmCaps, .asynchronous { try await live.caps(CapsParameters(reading: $0.params, path: "params")) }),
            served(
                .verifyVM, .asynchronous { try await live.verify(VerifyParameters(reading: $0.params, path: "params")) }
            ),
            immediate(.watchVMs, WatchParameters.self) { parameters, request in
                try watches.watch(parameters, from: request)
            },
            served(
                .listVMs,
                .asynchronous { try await listing.list(ListVMsParameters(reading: $0.params, path: "params")) }),
            immediate(.showVM, ShowVMParameters.self) { parameters, _ in try vms.show(parameters) },
            immediate(.forgetVM, ForgetParameters.self) { parameters, request in
                try vms.forget(parameters, by: request.peer)
            },
        ]
    }

    private func immediate<Parameters: JSONReadable>(
        _ method: Method, _ type: Parameters.Type,
        _ body: @escaping @ReactorActor (Parameters, Request) throws -> Reply
    ) -> ServedMethod {
        served(
            method,
            .immediate { request in try body(Parameters(reading: request.params, path: "params"), request) })
    }

    /// A method behind the gate: there is no way to serve one past it.
    private func served(_ method: Method, _ handler: MethodHandler) -> ServedMethod {
        let gate = gate
        let guarded: MethodHandler =
            switch handler {
            case .immediate(let body):
                .immediate { request in
                    try gate.check(request, for: method)
                    return try body(request)
                }
            case .asynchronous(let body):
                .asynchronous { request in
                    try gate.check(request, for: method)
                    return try await body(request)
                }
            }
        return ServedMethod(
            method.name, isQuery: method.isQuery, takesDescriptors: method.takesDescriptors, handler: guarded)
    }

    private func status(withChanges: Bool = false) -> StatusResult {
        StatusResult(
            version: Self.version, pid: getpid(), uptimeSeconds: Int((ContinuousClock.now - started) / .seconds(1)),
            host: host.host?.identity, hostProblem: host.problem?.description, models: models.catalog.models.count,
            versions: models.versionCount, catalogDigest: models.catalog.digest,
            refusedModelFiles: models.catalog.refused.map { .init(file: $0.path, problems: $0.problems) },
            vms: vms.registry.count, connections: listeners.reduce(0) { $0 + $1.connections.count },
            hostChanged: history.hasChanged, hostChanges: withChanges ? history.changes() : nil)
    }

    private var metricsReport: MetricsReport {
        MetricsReport(
            metrics: metrics, log: log, status: status(), host: host.host, registry: vms.registry,
            queuedBytes: accounts.queuedBytes, watchers: watches?.count ?? 0, startTime: startTime)
    }

    // MARK: Life

    private func announce() {
        let count = models.catalog.models.count
        host.whenKnown { [history, log, directory = configuration.historyDirectory] host in
            history.begin(host, directory: directory, log: log)
        }
        if let problem = host.problem {
            log.record(
                Event(
                    .hostUnavailable,
                    "KVM cannot be used here: \(problem). Queries about models and documents still work."))
        }
        log.record(
            Event(.ready, "Serving \(count) models, version \(Self.version).").with("CPUMODELD_MODELS", String(count)))
        tellRefusedFiles()
        metrics.isConfigurationGood = models.catalog.refused.isEmpty
        manager.ready(statusText)
    }

    /// How the daemon is, for `systemctl status`.
    private var statusText: String {
        let refused = models.catalog.refused
        let serving = "Serving \(models.catalog.models.count) models."
        guard let first = refused.first(where: { !$0.isConsequence }) ?? refused.first else { return serving }
        let count = refused.count == 1 ? "1 file of models is" : "\(refused.count) files of models are"
        return "\(serving) \(count) wrong and left out: \(first.summary)"
    }

    /// Records each file of models that is left out since now.
    private func tellRefusedFiles() {
        let refused = models.catalog.refused
        for file in refused where !toldRefused.contains(file) {
            let problems = file.problems.joined(separator: "; ")
            let message = "A file of models is wrong and left out, with all that is in it: \(problems)"
            log.record(
                Event(.modelRefused, sentence(message))
                    .with("CPUMODELD_FILE", file.path)
                    .with("CPUMODELD_PROBLEMS", String(file.problems.count)))
        }
        toldRefused = Set(refused)
    }

    /// Writes the labels of this node anew, where somebody wants them.
    private func publishFeatures() {
        guard features.isActive, let host = host.host else { return }
        features.write(NodeFeatures(host: host, catalog: models.catalog, version: Self.version).text)
    }

    private func handleSignals() throws {
        try Reactor.main.onSignal(SIGTERM) { [weak self] _ in self?.stop() }
        try Reactor.main.onSignal(SIGINT) { [weak self] _ in self?.stop() }
        try Reactor.main.onSignal(SIGHUP) { [weak self] _ in self?.reload() }
    }

    private func stop() {
        manager.stopping()
        publisher?.stop()
        features.move(to: nil)
        log.finish()
        log.record(Event(.stopping, "Stopping."))
        for listener in listeners {
            listener.stop()
            listener.closeConnections()
        }
        Reactor.main.stop()
    }

    /// From the event loop itself: a loop that hangs feeds no watchdog.
    private func feedWatchdog() {
        guard let interval = ServiceManager.watchdogMicroseconds else { return }
        manager.feedWatchdog()
        _ = Reactor.main.schedule(after: .microseconds(Int64(interval / 3))) { [weak self] in self?.feedWatchdog() }
    }

    // MARK: Reload

    /// Reads configuration and models anew, away from the event loop, and puts them in force when all of it is right. What
    /// cannot be read whole changes nothing.
    private func reload() {
        guard !isReloading else {
            mustReloadAgain = true
            return
        }
        isReloading = true
        manager.reloading()
        ReactorActor.task { [self] in
            let result = await prepared()
            isReloading = false
            switch result {
            case .success(let prepared): putInForce(prepared)
            case .failure(let error): refuseReload(error)
            }
            if mustReloadAgain {
                mustReloadAgain = false
                reload()
            }
        }
    }

    private func prepared() async -> Result<PreparedConfiguration, any Error> {
        while true {
            let generation = models.generation
            do {
                let result = try await Reactor.offThread { [source] in
                    Result<PreparedConfiguration, any Error> { try PreparedConfiguration(reading: source).checked() }
                }
                // A model that was defined meanwhile may be missing from what was read.
                if models.generation == generation { return result }
            } catch {
                return .failure(error)
            }
        }
    }

    private func putInForce(_ prepared: PreparedConfiguration) {
        var new = prepared.loaded.configuration
        let changed = Configuration.settings.filter { !$0.isSame(in: configuration, and: new) }
        let waiting = changed.filter { $0.effect == .onRestart }
        for setting in waiting { setting.copy(configuration, &new) }
        configuration = new
        vms.executors = ExecutorPolicy(new)
        vms.registry.limits = new.registryLimits
        gate.policy = AccessPolicy(new)
        accounts.limits = new.userLimits
        accounts.byteLimit = new.maximumQueuedBytes
        for listener in listeners {
            listener.limits = new.listenerLimits
            listener.connectionLimits = new.connectionLimits
        }
        log.target = new.logTarget
        publisher?.update(new)
        features.move(to: new.featuresFile)
        metrics.countReload(succeeded: true)
        models.replaceCatalog(prepared.catalog)

        let count = prepared.catalog.models.count
        let names = changed.filter { $0.effect == .onReload }.map(\.name)
        let changes = names.isEmpty ? "" : " Changed: \(names.joined(separator: ", "))."
        log.record(
            Event(.reloaded, "Read the configuration and \(count) models anew.\(changes)")
                .with("CPUMODELD_MODELS", String(count))
                .with("CPUMODELD_CATALOG", prepared.catalog.digest))
        for setting in waiting {
            log.record(
                Event(.restartNeeded, "The new value of \(setting.name) is in force after a restart of cpumodeld only.")
                    .with("CPUMODELD_SETTING", setting.name))
        }
        manager.ready(statusText)
    }

    private func refuseReload(_ error: any Error) {
        let problems = (error as? ConfigurationError)?.problems ?? ["\(error)"]
        let first = problems.first ?? ""
        metrics.countReload(succeeded: false)
        log.record(
            Event(
                .reloadFailed,
                "Configuration and models could not be read anew, and the old ones stay in force: "
                    + problems.joined(separator: "; ")
            ).with("CPUMODELD_PROBLEMS", String(problems.count)))
        let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
        manager.ready("Reload failed, the old configuration and models stay in force: \(first)\(more)")
    }

    // MARK: What happens to connections

    private static func record(_ event: TransportEvent, in log: EventLog) {
        switch event {
        case .opened, .closed(_, .peerClosed), .closed(_, .fault), .closed(_, .closedHere):
            break
        case .closed(let connection, let reason):
            log.record(refusal("A client was dropped: \(reason).", of: connection.peer))
        case .fault(let connection, let error):
            log.record(refusal("A client broke the protocol: \(error)", of: connection.peer))
        case .strayResponse(let connection, let id):
            log.record(refusal("A client answered request \(id), for which nobody waits.", of: connection.peer))
        case .handlerFailed(let connection, let method, let error):
            log.record(
                Event(.internalError, "\(method) failed inside the daemon: \(error)")
                    .with("CPUMODELD_METHOD", method).of(connection.peer))
        case .refused(let error, let peer?):
            log.record(refusal("A client was turned away: \(error)", of: peer))
        case .refused(let error, nil):
            log.record(Event(.clientRefused, "A client was turned away: \(error)"))
        case .acceptFailed(let error):
            log.record(Event(.clientRefused, "No connection can be accepted: \(error)"))
        }
    }

    private static func refusal(_ message: String, of peer: Peer) -> Event {
        Event(.clientRefused, message).of(peer)
    }
}
