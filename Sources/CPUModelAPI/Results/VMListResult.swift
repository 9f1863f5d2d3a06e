// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.list`.
public struct VMListResult: JSONWritable {
    /// One VM of the list.
    public struct VM: Sendable {
        /// What it was given, and by whom.
        public var record: VMRecord
        /// The newest version of its model, where it runs an older one.
        public var newestVersion: String?
        /// How many of its vCPUs may use the features that were asked about.
        public var holdings: [FeatureHolding] = []

        /// A VM of which nothing more is said.
        public init(_ record: VMRecord, newestVersion: String? = nil) {
            self.record = record
            self.newestVersion = newestVersion
        }
    }

    private let vms: [VM]

    /// A list of these VMs.
    public init(_ vms: [VM]) { self.vms = vms }

    /// Writes the list.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.array("vms") { writer in
                for vm in vms { Self.write(vm, to: &writer) }
            }
        }
    }

    private static func write(_ vm: VM, to writer: inout JSONWriter) {
        writer.object { writer in
            vm.record.writeListEntry(to: &writer)
            if let newest = vm.newestVersion { writer.member("newestVersion", newest) }
            if !vm.holdings.isEmpty { writer.member("with", vm.holdings) }
        }
    }

    static let schema = Schema.object(
        [
            .required(
                "vms",
                .array(
                    .object(
                        VMRecord.listEntryMembers + [
                            .optional(
                                "newestVersion", .string("the newest version of its model, where it runs an older one")),
                            .optional("with", .array(FeatureHolding.schema, "in the order of the request")),
                        ], ""), "by name"))
        ], "")
}
