// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSON
import JSONRPC
import Reactor

/// Answers what concerns VMs.
@ReactorActor
final class VMService {
    let registry: VMRegistry
    let gate: AccessGate
    let models: ModelService
    let host: HostState
    let log: EventLog
    let metrics: Metrics
    /// Who may have jobs run how; changes with the configuration.
    var executors: ExecutorPolicy
    /// Where VMs are kept over restarts; nil where they are not.
    let store: StateStore?
    private var requests = 0

    init(
        registry: VMRegistry, gate: AccessGate, models: ModelService, host: HostState, log: EventLog, metrics: Metrics,
        executors: ExecutorPolicy, store: StateStore?
    ) {
        self.registry = registry
        self.gate = gate
        self.models = models
        self.host = host
        self.log = log
        self.metrics = metrics
        self.executors = executors
        self.store = store
        registry.observe { [weak self] change in self?.take(in: change) }
    }

    /// What comes and goes, and what drifts, is in the journal.
    private func take(in change: RegistryChange) {
        if case .gone(let vm, _) = change { store?.remove(vm.record) }
        switch change {
        // Of what was asked for the request itself tells.
        case .appeared, .changed, .gone(_, .forgotten): break
        case .gone(let vm, .replaced):
            log.record(
                event(.vmGone, "VM \(vm.record.name) is gone: its name was given to other vCPUs.", vm.record)
                    .with("CPUMODELD_REASON", GoneReason.replaced.rawValue))
        case .gone(let vm, .ownerEnded):
            let record = vm.record
            log.record(
                event(.vmGone, "VM \(record.name) is gone: its owner, process \(record.pid), ended.", record)
                    .with("CPUMODELD_REASON", GoneReason.ownerEnded.rawValue))
        case .drifted(let vm, let verification): report(verification, of: vm.record)
        case .recovered(let vm):
            log.record(event(.vmRecovered, "VM \(vm.record.name) has again what was recorded of it.", vm.record))
        }
    }

    /// Each distinct difference once, with the vCPUs it concerns.
    private func report(_ verification: VMVerification, of record: VMRecord) {
        let (sets, places) = verification.driftSets
        for (number, differences) in sets.enumerated() {
            let vcpus = IndexRanges(verification.vcpus.indices.filter { places[$0] == number }).description
            for difference in differences {
                log.record(
                    event(
                        .vmDrifted,
                        "VM \(record.name), vCPUs \(vcpus), is not as recorded any more: \(difference.driftSentence).",
                        record
                    )
                    .with("CPUMODELD_VCPU", vcpus)
                    .with("CPUMODELD_LEAF", difference.leafText)
                    .with("CPUMODELD_SUBLEAF", difference.subleafText)
                    .with("CPUMODELD_REG", difference.registerText)
                    .with("CPUMODELD_WANT", difference.wantText)
                    .with("CPUMODELD_GOT", difference.gotText))
            }
        }
    }

    private func event(_ kind: Event.Kind, _ message: String, _ record: VMRecord) -> Event {
        Event(kind, message)
            .with("CPUMODELD_VM", record.name)
            .with("CPUMODELD_MODEL", record.model)
            .with("CPUMODELD_PEER_PID", String(record.pid))
            .with("CPUMODELD_PEER_UID", String(record.uid))
            .with("CPUMODELD_STAMP", record.report.stamp?.description)
            .with("CPUMODELD_REQUEST_ID", record.requestID)
    }

    /// `vm.apply`.
    func apply(_ request: Request) async throws -> Reply {
        let parameters = try ApplyParameters(reading: request.params, path: "params")
        requests += 1
        let application = VMApplication(
            parameters, from: request, requestID: "\(startID)-\(requests)", service: self)
        let start = ContinuousClock.now
        do {
            let result = try await application.run()
            metrics.count(Metrics.ApplyOutcome(result.record.report.verdict), took: .now - start)
            return .value(result)
        } catch {
            metrics.count(.failed, took: .now - start)
            throw error
        }
    }

    /// Keeps a VM over restarts. One that cannot be kept has its CPU all the same.
    func keep(_ vm: RegisteredVM) async {
        guard let store else { return }
        do throws(FileError) {
            try await store.write(vm.record, owner: vm.watch.number)
            // It may have ended meanwhile.
            if registry.entry(named: vm.record.name) !== vm { store.remove(vm.record) }
        } catch {
            let name = vm.record.name
            log.record(event(.stateFailed, "VM \(name) would be lost with a restart of cpumodeld: \(error)", vm.record))
        }
    }

    /// `vm.show`.
    func show(_ parameters: ShowVMParameters) throws(APIError) -> Reply {
        let record = try record(named: parameters.vm)
        let entry = registry.entry(named: parameters.vm)
        let explanation = try parameters.explain.map { explain throws(APIError) in
            try models.explanation(of: record, explain)
        }
        return .value(
            VMShowResult(
                record, isAttached: entry?.agent != nil, holdsVCPUs: entry?.vcpus.isEmpty == false,
                isRestored: entry?.isRestored == true,
                explanation: explanation))
    }

    /// `vm.forget`.
    func forget(_ parameters: ForgetParameters, by peer: Peer) throws(APIError) -> Reply {
        let record = try record(named: parameters.vm)
        guard parameters.requestID == nil || parameters.requestID == record.requestID else {
            throw APIError(supersededBy: record)
        }
        registry.remove(record.name, .forgotten)
        log.record(
            Event(.vmForgotten, "VM \(record.name) was dropped from the registry on request.")
                .with("CPUMODELD_VM", record.name)
                .with("CPUMODELD_MODEL", record.model)
                .with("CPUMODELD_STAMP", record.report.stamp?.description)
                .of(peer)
                .with("CPUMODELD_REQUEST_ID", record.requestID))
        return .written { writer in writer.object { $0.member("forgotten", record.name) } }
    }

    private func record(named name: String) throws(APIError) -> VMRecord {
        guard let record = registry.vm(named: name) else { throw APIError(unknownVM: name, among: registry.names) }
        return record
    }

    /// Tells the requests of this run of the daemon from those of the last.
    private let startID = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
}
