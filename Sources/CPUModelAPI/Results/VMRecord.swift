// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import GuestCPU
public import JSON
public import X86CPU

/// One VM as the daemon knows it: what it was given, by whom, and what KVM made of it.
public struct VMRecord: Sendable {
    /// The VM's name, unique on the host.
    public let name: String
    /// The model's full name, with its version.
    public let model: String
    /// The expression it was asked for by.
    public let expression: String
    /// The topology.
    public let topology: Topology
    /// What became of its vCPUs.
    public let report: VCPUReport
    /// The table that was read back from the first vCPU.
    public let table: CPUIDTable
    /// The feature MSRs that were read back from it.
    public let featureMSRs: [UInt32: UInt64]
    /// Features that were left out because the host cannot give them.
    public let dropped: [UnavailableFeature]
    /// Which executor ran the job.
    public let executor: String
    /// The process that created the VM.
    public let pid: Int32
    /// The user of that process.
    public let uid: UInt32
    /// When its tables were applied: seconds of the Unix epoch.
    public let appliedAt: Int64
    /// The request, for finding it in the journal.
    public let requestID: String

    /// A record from its parts.
    public init(
        name: String, model: String, expression: String, topology: Topology, report: VCPUReport,
        table: CPUIDTable, featureMSRs: [UInt32: UInt64], dropped: [UnavailableFeature], executor: String, pid: Int32,
        uid: UInt32, appliedAt: Int64, requestID: String
    ) {
        self.name = name
        self.model = model
        self.expression = expression
        self.topology = topology
        self.report = report
        self.table = table
        self.featureMSRs = featureMSRs
        self.dropped = dropped
        self.executor = executor
        self.pid = pid
        self.uid = uid
        self.appliedAt = appliedAt
        self.requestID = requestID
    }

    /// This record with its vCPUs numbered as in the record of the VM that they have joined.
    public func numbered(as vm: VMRecord) -> VMRecord {
        VMRecord(
            name: name, model: model, expression: expression, topology: topology,
            report: report.numbered(as: vm.report), table: table, featureMSRs: featureMSRs, dropped: dropped,
            executor: executor, pid: pid, uid: uid, appliedAt: appliedAt, requestID: requestID)
    }

    /// The record of the VM once the vCPUs of another record, of the same process and model, have come to its own; or
    /// have taken the places of those of the same ids.
    public func joined(by other: VMRecord) -> VMRecord {
        let report = report.joined(by: other.report)
        return VMRecord(
            name: name, model: other.model, expression: other.expression,
            topology: Self.topology(topology, other.topology, vcpus: report.vcpus.count), report: report,
            table: other.table, featureMSRs: other.featureMSRs, dropped: other.dropped, executor: other.executor,
            pid: pid, uid: uid, appliedAt: other.appliedAt, requestID: other.requestID)
    }

    /// The packages of one, in as many sockets as were seen at one time or as the vCPUs fill.
    private static func topology(_ one: Topology, _ other: Topology, vcpus: Int) -> Topology {
        let perSocket = one.logicalCPUs(in: .socket)
        let filled = (UInt32(vcpus) + perSocket - 1) / perSocket
        let sockets = max(one.sockets, other.sockets, filled)
        return
            (try? Topology(
                sockets: sockets, dies: one.dies, modules: one.modules, cores: one.cores, threads: one.threads)) ?? one
    }

    /// Writes the members that every answer about the VM has.
    func writeSummary(to writer: inout JSONWriter) {
        writer.member("vm", name)
        writer.member("model", model)
        writer.member("expression", expression)
        writer.member("executor", executor)
        writer.member("verdict", report.verdict.rawValue)
        writer.member("stamp", report.stamp?.description ?? "")
        writer.member("requestId", requestID)
    }

    /// Writes who owns the VM, and since when.
    func writeOwner(to writer: inout JSONWriter) {
        writer.member("pid", pid)
        writer.member("uid", uid)
        writer.member("appliedAt", appliedAt)
    }

    static let summaryMembers: [Schema.Member] = [
        .required("vm", .string("the VM's name")),
        .required("model", .string("the model's full name")),
        .required("expression", .string("as it was asked for")),
        .required("executor", .choice(["direct", "owner", "inject"], "who ran the ioctls")),
        .required("verdict", VCPUReport.verdictSchema),
        .required("stamp", .string("hash of all that a guest can see and that must not change")),
        .required("requestId", .string("CPUMODELD_REQUEST_ID in the journal")),
    ]

    static let ownerMembers: [Schema.Member] = [
        .required("pid", .integer(0...(.max), "the process that created the VM")),
        .required("uid", .integer(0...(.max), "its user")),
        .required("appliedAt", .integer(0...(.max), "seconds of the Unix epoch")),
    ]
}

/// The result of `vm.apply`.
public struct ApplyResult: JSONWritable {
    private let record: VMRecord

    /// The result that this record is of.
    public init(_ record: VMRecord) { self.record = record }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            record.writeSummary(to: &writer)
            record.report.writeMembers(to: &writer)
            writer.member("dropped", record.dropped)
        }
    }

    static let schema = Schema.object(
        VMRecord.summaryMembers + VCPUReport.members + [droppedMember], "")

    static let droppedMember = Schema.Member.required(
        "dropped", .array(UnavailableFeature.schema, "features left out, as the host cannot give them"))
}

/// The result of `vm.list`.
public struct VMListResult: JSONWritable {
    private let records: [VMRecord]

    /// A list of these VMs.
    public init(_ records: [VMRecord]) { self.records = records }

    /// Writes the list.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.array("vms") { writer in
                for record in records {
                    writer.object { writer in
                        record.writeSummary(to: &writer)
                        record.writeOwner(to: &writer)
                        writer.member("vcpuCount", record.report.vcpus.count)
                    }
                }
            }
        }
    }

    static let schema = Schema.object(
        [
            .required(
                "vms",
                .array(
                    .object(
                        VMRecord.summaryMembers + VMRecord.ownerMembers + [
                            .required("vcpuCount", .integer(1...4096, ""))
                        ], ""), "by name"))
        ], "")
}

/// The result of `vm.show`.
public struct VMShowResult: JSONWritable {
    private let record: VMRecord
    private let explanation: GuestExplanation?

    /// All of this record, with an explanation where it was asked for.
    public init(_ record: VMRecord, explanation: GuestExplanation? = nil) {
        self.record = record
        self.explanation = explanation
    }

    /// Writes the record.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            record.writeSummary(to: &writer)
            record.writeOwner(to: &writer)
            writer.member("topology", record.topology)
            record.report.writeMembers(to: &writer)
            writer.member("dropped", record.dropped)
            if let explanation { writer.member("explanation", explanation.registers) }
        }
    }

    static let schema = Schema.object(
        VMRecord.summaryMembers + VMRecord.ownerMembers + [.required("topology", Topology.schema)] + VCPUReport.members
            + [
                ApplyResult.droppedMember,
                .optional(
                    "explanation",
                    .array(GuestExplanation.Register.schema, "of the first vCPU's table, where \"explain\" was given")),
            ], "")
}
