// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.watch`: what is there now. Everything that changes from then on is told by `vm.event`.
public struct WatchResult: JSONWritable, Sendable {
    /// The name of the notification by which events are told.
    public static let notification = "vm.event"

    private let watch: Int
    private let vms: [(record: VMRecord, isDrifted: Bool)]

    /// The watch of that number, and the VMs that it begins with.
    ///
    /// - Parameter vms: the VMs, and whether they had drifted when they were last verified.
    public init(watch: Int, vms: [(record: VMRecord, isDrifted: Bool)]) {
        self.watch = watch
        self.vms = vms
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("watch", watch)
            writer.array("vms") { writer in
                for (record, isDrifted) in vms {
                    writer.object { writer in
                        record.writeListEntry(to: &writer)
                        writer.member("drifted", isDrifted)
                    }
                }
            }
        }
    }

    static let schema = Schema.object(
        [
            .required("watch", .integer(1...(.max), "stands in every event of this watch")),
            .required(
                "vms",
                .array(
                    .object(
                        VMRecord.listEntryMembers + [
                            .required("drifted", .boolean("whether it had drifted when it was last verified"))
                        ], ""), "the VMs that are watched, by name")),
        ], "")
}
