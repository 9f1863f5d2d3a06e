// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameters of `vm.verify`.
public struct VerifyParameters: JSONReadable, Sendable {
    /// What is to be verified.
    public enum Subject: Sendable, Hashable {
        /// One VM, by its name.
        case vm(String)
        /// Every registered VM.
        case all
    }

    /// What is to be verified.
    public let subject: Subject
    /// How long the answer may take, in milliseconds.
    public let deadlineMs: Int

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let name = try reader.optionalString("vm")
        let isAll = try reader.bool("all", default: false)
        let deadline = try reader.optionalInteger("deadlineMs", in: 1...60_000)
        switch (name, isAll) {
        case (let name?, false): subject = .vm(name)
        case (nil, true): subject = .all
        default: throw reader.error("vm", "must name a VM, or \"all\" must be true, and not both")
        }
        deadlineMs = Int(deadline ?? (isAll ? Self.deadlineOfAll : CapsParameters.defaultDeadline))
    }

    private static let deadlineOfAll: Int64 = 5000

    static let members: [Schema.Member] = [
        .optional("vm", .string("name of a registered VM")),
        .optional("all", .boolean("every registered VM, in place of one")),
        .optional(
            "deadlineMs",
            .integer(
                1...60_000, "how long the answer may take, in milliseconds; left out: 500, and 5000 for all VMs")),
    ]
}
