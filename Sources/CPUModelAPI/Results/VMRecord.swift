// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import GuestCPU
public import JSON
public import X86CPU

/// One VM as the daemon knows it: what it was given, by whom, and what KVM made of it.
public struct VMRecord: Sendable {
    /// The VM's name, unique on the host.
    public var name: String
    /// The VM's UUID, in lower case, where its owner has said one.
    public var uuid: String?
    /// The model's full name, with its version.
    public var model: String
    /// The expression it was asked for by.
    public var expression: String
    /// The topology.
    public var topology: Topology
    /// What else its owner chose.
    public var options: GuestCPU.Options
    /// What the model was laid over; nil where its tables are its own.
    public var overlay: RecordedOverlay?
    /// What became of its vCPUs.
    public var report: VCPUReport
    /// The tables that were read back.
    public var tables: VCPUTables
    /// The feature MSRs that were read back from the first vCPU.
    public var featureMSRs: [UInt32: UInt64]
    /// Features that were left out because the host cannot give them.
    public var dropped: [UnavailableFeature]
    /// Which executor ran the job.
    public var executor: String
    /// The process that created the VM.
    public var owner: VMOwner
    /// When its tables were applied: seconds of the Unix epoch.
    public var appliedAt: Int64
    /// The request, for finding it in the journal.
    public var requestID: String

    /// A record from its parts.
    public init(
        name: String, uuid: String? = nil, model: String, expression: String, topology: Topology,
        options: GuestCPU.Options, overlay: RecordedOverlay?, report: VCPUReport, tables: VCPUTables,
        featureMSRs: [UInt32: UInt64], dropped: [UnavailableFeature], executor: String,
        owner: VMOwner, appliedAt: Int64, requestID: String
    ) {
        self.name = name
        self.uuid = uuid
        self.model = model
        self.expression = expression
        self.topology = topology
        self.options = options
        self.overlay = overlay
        self.report = report
        self.tables = tables
        self.featureMSRs = featureMSRs
        self.dropped = dropped
        self.executor = executor
        self.owner = owner
        self.appliedAt = appliedAt
        self.requestID = requestID
    }

    /// The feature MSRs of a vCPU as they were read back. They are those of the first, but for the MSRs that either of
    /// the two has otherwise than they were asked for; one that could not be read is 0.
    public func featureMSRs(ofVCPU index: Int) -> [UInt32: UInt64] {
        var values = featureMSRs
        for difference in report.differences(ofVCPU: 0) {
            if case .msr(let msr) = difference.place { values[msr] = difference.want }
        }
        for difference in report.differences(ofVCPU: index) {
            if case .msr(let msr) = difference.place { values[msr] = difference.got }
        }
        return values
    }

    /// The table that was read back from the first vCPU.
    public var table: CPUIDTable { tables.first }
    /// The number of the process that created the VM.
    public var pid: Int32 { owner.pid }
    /// The user of that process.
    public var uid: UInt32 { owner.uid }

    /// This record with its vCPUs numbered as in the record of the VM that they have joined.
    public func numbered(as vm: VMRecord) -> VMRecord {
        var record = self
        record.report = report.numbered(as: vm.report)
        return record
    }

    /// The record of the VM once the vCPUs of another record, of the same process and model, have come to its own; or
    /// have taken the places of those of the same ids.
    public func joined(by other: VMRecord) -> VMRecord {
        var record = other
        record.report = report.joined(by: other.report)
        record.tables = VCPUTables(
            record.report.vcpus.map { vcpu in
                other.table(ofVCPUID: vcpu.vcpuID) ?? table(ofVCPUID: vcpu.vcpuID) ?? CPUIDTable()
            })
        if let first = record.report.vcpus.first {
            let replacement = other.report.vcpus.firstIndex { $0.vcpuID == first.vcpuID }
            record.featureMSRs = replacement.map(other.featureMSRs(ofVCPU:)) ?? featureMSRs
        }
        record.topology = Self.topology(topology, other.topology, vcpus: record.report.vcpus.count)
        record.uuid = other.uuid ?? uuid
        if options.apicIDs != nil || other.options.apicIDs != nil {
            record.options.apicIDs = record.report.vcpus.map(\.apicID)
        }
        if let first = report.vcpus.first, other.table(ofVCPUID: first.vcpuID) == nil { record.overlay = overlay }
        return record
    }

    /// The table that was read back from the vCPU of that id.
    private func table(ofVCPUID id: UInt32) -> CPUIDTable? {
        report.vcpus.first { $0.vcpuID == id }.map { tables[$0.index] }
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
        owner.writeMembers(to: &writer)
        if let uuid { writer.member("uuid", uuid) }
        writer.member("appliedAt", appliedAt)
    }

    /// Writes what a list says of the VM.
    func writeListEntry(to writer: inout JSONWriter) {
        writeSummary(to: &writer)
        writeOwner(to: &writer)
        writer.member("vcpuCount", report.vcpus.count)
        writer.member("consistent", report.isConsistent)
    }

    static let listEntryMembers =
        summaryMembers + ownerMembers + [
            .required("vcpuCount", .integer(1...4096, "")),
            .required("consistent", .boolean("whether all its vCPUs are the same CPU, APIC ids apart")),
        ]

    static let summaryMembers: [Schema.Member] = [
        .required("vm", .string("the VM's name")),
        .required("model", .string("the model's full name")),
        .required("expression", .string("as it was asked for")),
        .required("executor", .choice(["direct", "owner", "inject"], "who ran the ioctls")),
        .required("verdict", VCPUReport.verdictSchema),
        .required("stamp", .string("hash of all that a guest can see and that must not change")),
        .required("requestId", .string("CPUMODELD_REQUEST_ID in the journal")),
    ]

    static let ownerMembers: [Schema.Member] =
        VMOwner.members + [
            .optional("uuid", .string("the VM's UUID, where its owner has said one")),
            .required("appliedAt", .integer(0...(.max), "seconds of the Unix epoch")),
        ]
}

/// The result of `vm.apply`.
public struct ApplyResult: JSONWritable {
    /// What the vCPUs of the request have been given.
    public let record: VMRecord
    private let notes: [GuestCPUNote]

    /// The result that this record is of, and what is odd about the CPU.
    public init(_ record: VMRecord, notes: [GuestCPUNote]) {
        self.record = record
        self.notes = notes
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            record.writeSummary(to: &writer)
            record.report.writeMembers(to: &writer)
            writer.member("dropped", record.dropped)
            writer.member("notes", notes.map(\.description))
        }
    }

    static let schema = Schema.object(
        VMRecord.summaryMembers + VCPUReport.members + [droppedMember, notesMember], "")

    static let notesMember = Schema.Member.required(
        "notes", .array(.string("a sentence"), "what is odd about the guest's CPU, and stays"))

    static let droppedMember = Schema.Member.required(
        "dropped", .array(UnavailableFeature.schema, "features left out, as the host cannot give them"))
}

/// The result of `vm.show`.
public struct VMShowResult: JSONWritable {
    private let record: VMRecord
    private let isAttached, holdsVCPUs, isRestored: Bool
    private let explanation: GuestExplanation?

    /// All of this record, what there is to look at the running VM by, and an explanation where it was asked for.
    public init(
        _ record: VMRecord, isAttached: Bool, holdsVCPUs: Bool, isRestored: Bool,
        explanation: GuestExplanation? = nil
    ) {
        self.record = record
        self.isAttached = isAttached
        self.holdsVCPUs = holdsVCPUs
        self.isRestored = isRestored
        self.explanation = explanation
    }

    /// Writes the record.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            record.writeSummary(to: &writer)
            record.writeOwner(to: &writer)
            writer.member("topology", record.topology)
            writer.member("options", record.options)
            if let overlay = record.overlay { writer.member("keep", overlay.kept.map(\.rawValue).sorted()) }
            writer.member("agent", isAttached)
            writer.member("vcpusHeld", holdsVCPUs)
            writer.member("restored", isRestored)
            let inconsistencies = VCPUInconsistency.all(in: record)
            writer.member("consistent", inconsistencies.isEmpty)
            if !inconsistencies.isEmpty { writer.member("inconsistencies", inconsistencies) }
            record.report.writeMembers(to: &writer)
            writer.member("dropped", record.dropped)
            if let explanation { writer.member("explanation", explanation.registers) }
        }
    }

    static let schema = Schema.object(
        VMRecord.summaryMembers + VMRecord.ownerMembers + [
            .required("topology", Topology.schema),
            .required("options", GuestCPU.Options.schema),
            .optional("keep", RecordedOverlay.schema),
            .required("agent", .boolean("whether an agent of its owner is attached, by which its vCPUs can be read")),
            .required("vcpusHeld", .boolean("whether the daemon holds descriptors of its vCPUs")),
            .required("restored", .boolean("whether it was registered before the daemon was last restarted")),
            .required("consistent", .boolean("whether all its vCPUs are the same CPU, APIC ids apart")),
            .optional("inconsistencies", .array(VCPUInconsistency.schema, "where they are not")),
        ] + VCPUReport.members + [
            ApplyResult.droppedMember,
            .optional(
                "explanation",
                .array(GuestExplanation.Register.schema, "of the first vCPU's table, where \"explain\" was given")),
        ], "")
}
