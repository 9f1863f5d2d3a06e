// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import Glibc
import GuestCPU
import JSON
import JSONRPC
import KVM
import Reactor
import X86CPU

/// Gives the vCPUs of one VM their tables by an executor, and judges what KVM made of them.
@ReactorActor
struct Application {
    let executor: any JobExecutor
    let vcpus: [VCPUDescriptor]
    let guest: GuestTables
    let host: HostCPU

    /// What became of the vCPUs.
    ///
    /// - Parameter acceptsAltered: whether tables that KVM changed may stay.
    /// - Throws: ``ApplicationError`` once the vCPUs have their old tables back, or that was tried.
    func run(acceptsAltered: Bool) async throws -> Applied {
        let tables = guest.tables
        // vCPUs are new as a rule, and room for tables that they do not have would be the largest part of the job.
        var plan = TableApplication(tables: tables, featureMSRs: guest.featureMSRs, over: .none)
        var outcome = plan.outcome(of: try await execute(plan.steps))
        if outcome.foundOldTable {
            plan = TableApplication(tables: tables, featureMSRs: guest.featureMSRs, over: .any)
            outcome = plan.outcome(of: try await execute(plan.steps))
        }

        if outcome.lacksRoom {
            let results = try await orRestoring(plan, outcome) { try await execute(plan.readBackSteps) }
            outcome = plan.outcome(outcome, readBackBy: results)
        }

        if let refusal = outcome.refusal {
            let hasTiles = guest.features.contains(.amxTile)
            throw ApplicationError(
                .refused(refusal, hasTiles: hasTiles), isRestored: await restore(plan, outcome))
        }
        let got = try outcome.vcpus.enumerated().map { position, vcpu in
            guard let after = vcpu.after else {
                throw ApplicationError(
                    .fault("the job came back without the table of vCPU \(position)"), isRestored: false)
            }
            return after
        }
        let readBack = ReadBack(
            wanted: VCPUTables(tables), before: VCPUTables(outcome.vcpus.map { $0.before ?? .none }),
            got: VCPUTables(got))
        let differences = try await orRestoring(plan, outcome) { try await self.differences(readBack) }
        let report = report(outcome, readBack, differences)
        if report.verdict == .altered, !acceptsAltered {
            throw ApplicationError(.altered(report), isRestored: await restore(plan, outcome))
        }
        return Applied(
            report: report, tables: readBack.got, featureMSRs: outcome.vcpus.first?.msrsAfter ?? [:])
    }

    private func report(
        _ outcome: ApplicationOutcome, _ readBack: ReadBack, _ differences: [[TableDifference]]
    ) -> VCPUReport {
        var report = VCPUReport()
        var first: (input: StampInput, msrs: [UInt32: UInt64])?
        for (position, vcpu) in outcome.vcpus.enumerated() {
            let shared = first.flatMap {
                $0.msrs == vcpu.msrsAfter && readBack.isLikeFirst(vcpu: position) ? $0.input : nil
            }
            let input = shared ?? StampInput(table: readBack.got[position], featureMSRs: vcpu.msrsAfter)
            if first == nil { first = (input, vcpu.msrsAfter) }
            let ofMSRs = msrDifferences(want: guest.featureMSRs, got: vcpu.msrsAfter)
            report.add(
                vcpuID: vcpus[position].id, apicID: guest.apicIDs[position],
                differences: ofMSRs.isEmpty ? differences[position] : differences[position] + ofMSRs, readBack: input)
        }
        return report
    }

    /// What follows once tables are set: where it fails, and nobody could judge them, they do not stay.
    private func orRestoring<Value>(
        _ plan: TableApplication, _ outcome: ApplicationOutcome, _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let error as ApplicationError {
            throw ApplicationError(error.cause, isRestored: await restore(plan, outcome))
        }
    }

    /// What the vCPUs have now.
    struct Applied {
        let report: VCPUReport
        /// The tables as they were read back.
        let tables: VCPUTables
        /// The first vCPU's feature MSRs, as they were read back.
        let featureMSRs: [UInt32: UInt64]
    }

    /// How the tables read back differ from those asked for, with the bits that KVM keeps up to date judged by what was
    /// to be expected of them.
    ///
    /// A vCPU that never ran is in its reset state, so that is expected first, and costs nothing to know. Only where KVM
    /// returned something else are the registers read, by a second, small job: a launcher that sets them before the
    /// table is rare, and reading them would cost every other two or three more ioctls a vCPU.
    private func differences(_ readBack: ReadBack) async throws -> [[TableDifference]] {
        let rules = RuntimeRules(host: host)
        var differences = readBack.differences(by: rules, state: .reset)
        let others = differences.indices.filter { differences[$0].contains { $0.contradictsState } }
        guard let first = others.first else { return differences }

        let needed = readBack.predicted(ofVCPU: first, by: rules, state: PartialVCPUState()).missing
        let reading = RegisterReading(
            vcpuCount: vcpus.count, ioctl: .sregs,
            msrs: (needed.contains(.xss) ? [RegisterReading.xss] : [])
                + (needed.contains(.miscEnable) ? [RegisterReading.miscEnable] : []))
        let states = reading.registers(from: try await execute(reading.steps)).map(PartialVCPUState.init)
        for position in others {
            differences[position] = readBack.differences(ofVCPU: position, by: rules, state: states[position])
        }
        return differences
    }

    private func execute(_ steps: [JobStep]) async throws -> [JobResult] {
        try await Self.execute(steps, on: vcpus, by: executor)
    }

    /// The tables that vCPUs have now.
    static func currentTables(of vcpus: [VCPUDescriptor], by executor: any JobExecutor) async throws -> [CPUIDTable] {
        let steps = vcpus.indices.map {
            JobStep(.getCPUID(capacity: CPUIDTable.maximumCount), vcpu: $0, stopsOnError: true)
        }
        return try await execute(steps, on: vcpus, by: executor).enumerated().map { number, result in
            switch result {
            case .table(let stored): return stored.table
            case .failed(let errno):
                let refusal = ApplicationOutcome.Refusal(vcpu: number, ioctl: "KVM_GET_CPUID2", errno: errno)
                throw ApplicationError(.refused(refusal, hasTiles: false), isRestored: true)
            default: throw ApplicationError(.fault("a table was read, and another thing came back"), isRestored: true)
            }
        }
    }

    private static func execute(
        _ steps: [JobStep], on vcpus: [VCPUDescriptor], by executor: any JobExecutor
    ) async throws -> [JobResult] {
        do {
            let job = try JobFile(steps, vcpuCount: vcpus.count)
            try await executor.execute(job, on: vcpus)
            return try job.results()
        } catch let error as CallError {
            throw ApplicationError(error)
        } catch let error as JobFault {
            throw ApplicationError(.fault(error.description), isRestored: false)
        } catch let error as SystemError {
            throw ApplicationError(.lacking(error), isRestored: true)
        }
    }

    /// Puts back what was there, and says whether that is known to have worked.
    private func restore(_ plan: TableApplication, _ outcome: ApplicationOutcome) async -> Bool {
        let steps = plan.restoration(of: outcome)
        if steps.isEmpty { return true }
        guard let results = try? await execute(steps) else { return false }
        return plan.isRestored(outcome, by: steps, results: results)
    }
}

/// Why the vCPUs of a VM did not get their tables, and what they have now.
struct ApplicationError: Error {
    enum Cause {
        /// KVM refused a step; with AMX in the tables there is one more reason to.
        case refused(ApplicationOutcome.Refusal, hasTiles: Bool)
        /// KVM changed the tables, and the policy is not to accept that.
        case altered(VCPUReport)
        /// The owner did not answer in time.
        case deadline(Duration)
        /// The owner's connection ended.
        case gone
        /// The owner would not run the job, and ran no step of it.
        case ownerRefused(String)
        /// cpumodeld-inject cannot be reached at this path, for this errno.
        case injectorAway(String, CInt)
        /// cpumodeld-inject did not run the job to its end.
        case notInjected(String)
        /// The owner's answer, or the job as it came back, makes no sense.
        case fault(String)
        /// The daemon has no descriptor or no memory left for what a job needs.
        case lacking(SystemError)
    }

    let cause: Cause
    /// Whether every vCPU is known to have the table it had before.
    let isRestored: Bool

    init(_ cause: Cause, isRestored: Bool) {
        self.cause = cause
        self.isRestored = isRestored
    }

    init(_ error: CallError) {
        switch error {
        case .gone: self.init(.gone, isRestored: false)
        case .deadline(let time): self.init(.deadline(time), isRestored: false)
        case .refused(let error): self.init(.ownerRefused(error.message), isRestored: true)
        case .malformed(let reason): self.init(.fault("the answer makes no sense: \(reason)"), isRestored: false)
        }
    }
}

extension ApplicationError: RPCErrorConvertible {
    var rpcError: RPCError { apiError.rpcError }

    private var apiError: APIError {
        switch cause {
        case .refused(let refusal, let hasTiles): Self.error(refusal, hasTiles: hasTiles, isRestored: isRestored)
        case .altered(let report): Self.error(report, isRestored: isRestored)
        case .deadline(let time):
            APIError(
                .ownerDeadline,
                "The owner of the VM did not run the job within \(Int(time / .milliseconds(1))) ms; \(now).",
                data: ["deadlineMs": .integer(Int64(time / .milliseconds(1))), "restored": .bool(isRestored)])
        case .gone:
            APIError(.ownerGone, "The owner of the VM ended, or closed the connection, before it answered.")
        case .ownerRefused(let message):
            APIError(
                .ownerFault, "The owner of the VM would not run the job (\(message)); \(now).",
                data: ["restored": .bool(isRestored)])
        case .injectorAway(let path, let errno):
            APIError(
                .executorUnavailable,
                "The process that owns the VM does not run jobs itself (owner.execute), and cpumodeld-inject, which does "
                    + "it for such processes, cannot be reached at \(path) (\(SystemError.name(of: errno))). An administrator "
                    + "enables it with: systemctl enable --now cpumodeld-inject.socket",
                data: [
                    "executor": "inject", "errnoName": .string(SystemError.name(of: errno)),
                    "restored": .bool(isRestored),
                ])
        case .notInjected(let reason):
            APIError(
                .notInjected,
                "cpumodeld-inject did not run the ioctls in the process that owns the VM: \(reason); "
                    + "\(isRestored ? Self.restoredText : Self.notRestoredText).",
                data: ["executor": "inject", "restored": .bool(isRestored)])
        case .fault(let reason):
            APIError(
                .ownerFault, "The owner's answer cannot be used (\(reason)); \(now).",
                data: ["restored": .bool(isRestored)])
        case .lacking(let error):
            APIError(
                .limitExceeded,
                "The daemon has not what a job needs: \(error); "
                    + "\(isRestored ? Self.restoredText : Self.notRestoredText).",
                data: [
                    "limit": .string(error.errno == EMFILE || error.errno == ENFILE ? "openFiles" : "memory"),
                    "errno": .integer(Int64(error.errno)), "errnoName": .string(error.name),
                    "restored": .bool(isRestored),
                ])
        }
    }

    /// What is on the vCPUs after an answer that never came or was none.
    private var now: String { isRestored ? Self.restoredText : "what its vCPUs have now is not known" }

    private static let restoredText = "every vCPU has the table it had before"
    private static let notRestoredText = "not every vCPU could be given back the table it had before"

    private static func error(
        _ refusal: ApplicationOutcome.Refusal, hasTiles: Bool, isRestored: Bool
    ) -> APIError {
        let data: JSONObject = [
            "errno": .integer(Int64(refusal.errno)), "errnoName": .string(SystemError.name(of: refusal.errno)),
            "vcpu": .integer(Int64(refusal.vcpu)), "ioctl": .string(refusal.ioctl), "restored": .bool(isRestored),
        ]
        let what = "\(refusal.ioctl) failed on vCPU \(refusal.vcpu) with \(SystemError.name(of: refusal.errno))"
        let why = reason(refusal, hasTiles: hasTiles).map { ": \($0)" } ?? ""
        return APIError(.refused, "\(what)\(why); \(isRestored ? restoredText : notRestoredText).", data: data)
    }

    /// What an errno of the vCPU ioctls means here (Linux, Documentation/virt/kvm/api.rst, and arch/x86/kvm/cpuid.c).
    private static func reason(_ refusal: ApplicationOutcome.Refusal, hasTiles: Bool) -> String? {
        switch (refusal.errno, refusal.ioctl) {
        case (EIO, _):
            "the VM was created by another process, or is dead, and KVM takes its ioctls from its creator only"
        case (EINVAL, "KVM_SET_CPUID2"): "the vCPU has already run, and its table cannot change any more"
        case (EPERM, "KVM_SET_CPUID2") where hasTiles:
            "the table has AMX, and the process has no permission for guest XSTATE; it must ask with "
                + "arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, 18) before it creates the first vCPU"
        case (EPERM, _): "a seccomp filter of the process may forbid the ioctl"
        default: nil
        }
    }

    private static func error(_ report: VCPUReport, isRestored: Bool) -> APIError {
        var writer = JSONWriter()
        writer.object { report.writeMembers(to: &$0) }
        var data = (try? JSONValue(parsing: writer.bytes))?.objectValue ?? JSONObject()
        data.set(.bool(isRestored), for: "restored")
        let count = report.differenceSets.reduce(0) { max($0, $1.filter { $0.kind != .runtime }.count) }
        return APIError(
            .altered,
            "KVM accepted the tables and changed \(count) fields of them\(msrText(report)); "
                + "\(isRestored ? restoredText : notRestoredText). "
                + "Accept what KVM makes of it with \"altered\": \"accept\", or choose another model.",
            data: data)
    }

    /// Which MSRs are not as they were asked for, as words behind the number of fields.
    private static func msrText(_ report: VCPUReport) -> String {
        let indices = report.differenceSets.joined().compactMap { difference -> UInt32? in
            if case .msr(let index) = difference.place { index } else { nil }
        }
        let names = Set(indices).sorted().map { "0x" + String($0, radix: 16, uppercase: true) }
        return names.isEmpty ? "" : ", among them MSR " + names.joined(separator: ", ")
    }
}
