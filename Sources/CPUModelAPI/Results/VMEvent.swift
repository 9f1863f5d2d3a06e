// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// What a `vm.watch` is told of: the parameters of the notification `vm.event`.
public struct VMEvent: JSONWritable, Sendable {
    /// One value that a vCPU may use, and what it was before.
    public struct CapsChange: Sendable, Hashable {
        /// What it is.
        public let field: RuntimeField
        /// What it was when it was last known; nil when this is the first time.
        public let from: LiveValue?
        /// What it is now.
        public let to: LiveValue

        /// A change from its parts.
        public init(_ field: RuntimeField, from: LiveValue?, to: LiveValue) {
            self.field = field
            self.from = from
            self.to = to
        }
    }

    /// What happened.
    public enum Content: Sendable {
        /// A VM was registered.
        case appeared(VMRecord)
        /// vCPUs have joined a VM.
        case changed(VMRecord)
        /// A VM is no longer registered; why.
        case gone(reason: String)
        /// vCPUs of a VM have something else than what was recorded.
        case drifted(VMVerification)
        /// They have again what was recorded.
        case recovered
        /// What a vCPU may use is known for the first time, or has changed.
        case capsChanged(vcpu: Int, [CapsChange])
        /// The watcher did not read, and events since are lost: the watch has ended.
        case dropped

        /// The member `event`.
        public var name: String {
            switch self {
            case .appeared: "appeared"
            case .changed: "changed"
            case .gone: "gone"
            case .drifted: "drifted"
            case .recovered: "recovered"
            case .capsChanged: "capsChanged"
            case .dropped: "dropped"
            }
        }
    }

    /// The names of all events.
    public static let names = ["appeared", "changed", "gone", "drifted", "recovered", "capsChanged", "dropped"]

    private let watch, sequence: Int
    private let vm: String?
    private let content: Content

    /// What happened to a VM, as the event of this number of a watch.
    public init(watch: Int, sequence: Int, vm: String?, _ content: Content) {
        self.watch = watch
        self.sequence = sequence
        self.vm = vm
        self.content = content
    }

    /// Writes the event.
    public func write(to writer: inout JSONWriter) {
        writer.object { writeMembers(to: &$0) }
    }

    /// Writes its members.
    public func writeMembers(to writer: inout JSONWriter) {
        writer.member("watch", watch)
        writer.member("sequence", sequence)
        writer.member("event", content.name)
        if let vm { writer.member("vm", vm) }
        switch content {
        case .appeared(let record), .changed(let record):
            writer.object("record") { record.writeListEntry(to: &$0) }
        case .gone(let reason): writer.member("reason", reason)
        case .drifted(let verification): writer.member("verification", verification)
        case .recovered, .dropped: break
        case .capsChanged(let vcpu, let changes):
            writer.member("vcpu", vcpu)
            writer.object("changes") { writer in
                for change in changes {
                    writer.object(change.field.rawValue) { writer in
                        if let from = change.from { writer.member("from", from) }
                        writer.member("to", change.to)
                    }
                }
            }
        }
    }

    /// The shape of the parameters.
    public static let schema = Schema.object(
        [
            .required("watch", .integer(1...(.max), "the result's watch")),
            .required("sequence", .integer(1...(.max), "1 for the first event of the watch, and so on without a gap")),
            .required("event", .choice(names, "what happened")),
            .optional("vm", .string("the VM's name; left out with dropped")),
            .optional("record", .object(VMRecord.listEntryMembers, "with appeared and changed: as in vm.list")),
            .optional("reason", .string("with gone: ownerEnded, forgotten or replaced")),
            .optional("verification", VMVerification.schema),
            .optional("vcpu", .integer(0...4095, "with capsChanged: place in topology order")),
            .optional(
                "changes",
                .object(
                    CapsResult.fields.map { field in
                        let value = CapsResult.schema(of: field)
                        return .optional(
                            field.rawValue, .object([.optional("from", value), .required("to", value)], ""))
                    }, "with capsChanged: from is left out where the value is known for the first time")),
        ], "the parameters of the notification vm.event")
}
