// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Descriptors
import Glibc
import GuestCPU
import JSON
import JSONRPC
import KVM
import Reactor
import X86CPU

/// One `vm.apply` from beginning to end:
///
///     request + fds -> model -> table -> job -> executor -> read-back -> verdict -> record + journal -> reply
///
/// Whatever goes wrong on the way, the vCPUs get back the tables they had, or the error says that they have not.
@ReactorActor
struct VMApplication {
    private let parameters: ApplyParameters
    private let request: Request
    private let requestID: String
    private let service: VMService

    init(_ parameters: ApplyParameters, from request: Request, requestID: String, service: VMService) {
        self.parameters = parameters
        self.request = request
        self.requestID = requestID
        self.service = service
    }

    func run() async throws -> ApplyResult {
        do {
            let (record, notes) = try await apply()
            return ApplyResult(record, notes: notes)
        } catch {
            report(error)
            throw error
        }
    }

    private func apply() async throws -> (VMRecord, [GuestCPUNote]) {
        let vcpus = try request.vcpus()
        let host = try service.host.required()
        guard let owner = request.peer.pidfd else {
            throw APIError(.ownerGone, "The process that sent the request has ended.")
        }
        let executor = try service.executors.executor(
            parameters.executor, filtersReturn: parameters.filtersReturn, for: request, through: service.gate)
        let bases = try await bases(of: vcpus, by: executor)
        let guest = try service.models.tables(parameters.guest, over: bases, vcpuCount: vcpus.count)
        try check(vcpus, against: guest)

        let (uid, pid) = (request.peer.userID, request.peer.processID)
        try service.registry.reserve(parameters.name, uuid: parameters.uuid, for: uid) { record in
            record.uid == uid && (parameters.replace || (parameters.join && record.pid == pid))
        }
        defer { service.registry.cancelReservation(parameters.name) }
        let joined = try joinedVM(guest)
        // Before the tables are set: a VM that has them must not fail to be registered.
        let watched = try Self.duplicate(owner)
        // Looked up while the owner is busy with the job.
        let peer = request.peer
        let information = ReactorActor.task { ProcessInformation.owner(peer) }

        let applied = try await Application(executor: executor, vcpus: vcpus, guest: guest, host: host)
            .run(acceptsAltered: parameters.altered == .accept)

        let record = VMRecord(
            name: parameters.name, uuid: parameters.uuid, model: guest.model.name, expression: guest.model.expression,
            topology: guest.topology, options: parameters.guest.options, overlay: recordedOverlay(bases),
            report: applied.report, tables: applied.tables,
            featureMSRs: applied.featureMSRs, dropped: guest.missing, executor: executor.name,
            owner: try await information.value, appliedAt: Int64(time(nil)), requestID: requestID)
        let vm = joined?.record.joined(by: record) ?? record
        let entry = try service.registry.register(vm, owner: watched, vcpus: vcpus, joining: joined)
        let numbered = record.numbered(as: vm)
        let reporting = ReactorActor.task { report(numbered) }
        // Before the answer: what the owner was told of, a daemon that is killed now must know again. The events are told
        // while the disk is busy.
        await service.keep(entry)
        try await reporting.value
        return (numbered, guest.notes)
    }

    /// A pidfd for the registry, which outlives the connection's.
    private static func duplicate(_ pidfd: SharedDescriptor) throws(ApplicationError) -> SharedDescriptor {
        do throws(SystemError) {
            return SharedDescriptor(try OwnedDescriptor(duplicating: pidfd.number))
        } catch {
            throw ApplicationError(.lacking(error), isRestored: true)
        }
    }

    /// The VMM's own tables, where the model is to be laid over them.
    private func bases(of vcpus: [VCPUDescriptor], by executor: any JobExecutor) async throws -> [CPUIDTable]? {
        switch parameters.guest.overlay?.base {
        case nil: return nil
        case .current: return try await Application.currentTables(of: vcpus, by: executor)
        case .given(let tables):
            guard tables.count == vcpus.count else {
                throw APIError(
                    .badBase, "\"base\" has \(tables.count) tables, but \(vcpus.count) vCPU descriptors came.")
            }
            return tables
        }
    }

    private func recordedOverlay(_ bases: [CPUIDTable]?) -> RecordedOverlay? {
        guard let overlay = parameters.guest.overlay, let base = bases?.first else { return nil }
        return RecordedOverlay(keeping: overlay.kept, base: base)
    }

    /// The VM that the vCPUs join, if they do.
    private func joinedVM(_ guest: GuestTables) throws(APIError) -> RegisteredVM? {
        guard parameters.join, let entry = service.registry.entry(named: parameters.name),
            entry.record.pid == request.peer.processID
        else { return nil }
        let vm = entry.record
        guard vm.expression == guest.model.expression else {
            throw APIError(
                .nameInUse,
                "The VM \"\(vm.name)\" has \(vm.expression), and vCPUs that join it must have the same, "
                    + "not \(guest.model.expression).",
                data: ["vm": .string(vm.name), "pid": .integer(Int64(vm.pid))])
        }
        return entry
    }

    /// With a local APIC in the kernel a vCPU's id is its initial APIC id, so both must be what the topology says. A VMM
    /// whose own topology is kept has seen to that.
    private func check(_ vcpus: [VCPUDescriptor], against guest: GuestTables) throws(APIError) {
        if parameters.guest.overlay?.kept.contains(.topology) == true { return }
        let found = vcpus.map(\.id)
        let expected = guest.apicIDs
        guard found.count == expected.count else {
            throw APIError(
                .badTopology,
                "The topology has \(expected.count) vCPUs, but \(found.count) vCPU descriptors came with the request.")
        }
        guard parameters.guest.options.apicIDs != nil || found == expected else {
            throw APIError(
                .badTopology,
                "The vCPU ids are not the APIC ids that the topology gives; "
                    + "create the vCPUs with those ids, or say \"apicIds\".",
                data: [
                    "expectedVCPUIds": .array(expected.map { .integer(Int64($0)) }),
                    "foundVCPUIds": .array(found.map { .integer(Int64($0)) }),
                ])
        }
    }

    private func report(_ record: VMRecord) {
        let count = record.report.vcpus.count
        service.log.record(
            event(
                .vmApplied, "VM \(record.name): \(count) vCPUs have \(record.model), verdict \(record.report.verdict)."
            )
            .with("CPUMODELD_MODEL", record.model)
            .with("CPUMODELD_STAMP", record.report.stamp?.description)
            .with("CPUMODELD_VERDICT", record.report.verdict.rawValue)
            .with("CPUMODELD_EXECUTOR", record.executor))
        reportDifferences(record.report)
    }

    /// Each distinct difference once, with the vCPUs it concerns. A guest's table has few enough registers to list them
    /// all.
    private func reportDifferences(_ report: VCPUReport) {
        for (number, differences) in report.differenceSets.enumerated() {
            let vcpus = IndexRanges(report.vcpus.filter { $0.differenceSet == number }.map(\.index)).description
            for difference in differences {
                service.log.record(
                    event(.vmDifference, "VM \(parameters.name), vCPUs \(vcpus): \(difference.sentence).")
                        .with("CPUMODELD_VCPU", vcpus)
                        .with("CPUMODELD_LEAF", difference.leafText)
                        .with("CPUMODELD_SUBLEAF", difference.subleafText)
                        .with("CPUMODELD_REG", difference.registerText)
                        .with("CPUMODELD_WANT", difference.wantText)
                        .with("CPUMODELD_GOT", difference.gotText))
            }
        }
    }

    private func report(_ error: any Error) {
        let known = (error as? any RPCErrorConvertible)?.rpcError
        let kind = known?.data?["kind"]?.stringValue
        service.log.record(
            event(
                .vmRefused,
                "VM \(parameters.name) did not get \(parameters.guest.model): \(known?.message ?? "\(error)")"
            )
            .with("CPUMODELD_MODEL", parameters.guest.model)
            .with("CPUMODELD_REASON", kind))
        if case .altered(let report)? = (error as? ApplicationError)?.cause { reportDifferences(report) }
    }

    private func event(_ kind: Event.Kind, _ message: String) -> Event {
        Event(kind, message)
            .with("CPUMODELD_VM", parameters.name)
            .of(request.peer)
            .with("CPUMODELD_REQUEST_ID", requestID)
    }
}
