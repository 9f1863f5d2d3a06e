// SPDX-License-Identifier: Apache-2.0

public import JSON

/// Where a value about a running vCPU comes from.
public enum LiveSource: String, Sendable, Hashable, CaseIterable {
    /// KVM's own answer, through the agent of the VM's owner.
    case kernel
    /// The page that the vCPU shares with user space, as of its last return to the VMM.
    case runPage = "run-page"
    /// What was read back when the tables were applied.
    case record

    static let schema = Schema.choice(allCases.map(\.rawValue), "where the value comes from")
}

/// The parameters of `vm.caps`.
public struct CapsParameters: JSONReadable, Sendable {
    /// Name of a registered VM.
    public let vm: String
    /// Which vCPUs, by their place in topology order; nil for all.
    public let vcpus: [Int]?
    /// The one source to use; nil for the best that answers in time.
    public let source: LiveSource?
    /// Features, by any of their names, of which the answer is to say who may use them.
    public let features: [String]
    /// How long the answer may take, in milliseconds.
    public let deadlineMs: Int

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vm = try reader.string("vm")
        vcpus = try reader.optionalIntegers("vcpus", in: 0...4095)?.map { Int($0) }
        source = try reader.optionalEnumeration("source")
        features = try reader.optionalStrings("features") ?? []
        deadlineMs = Int(try reader.optionalInteger("deadlineMs", in: 1...60_000) ?? Self.defaultDeadline)
    }

    /// How long an answer about one VM may take where nothing is said, in milliseconds.
    static let defaultDeadline: Int64 = 500

    static let members: [Schema.Member] = [
        .required("vm", .string("name of a registered VM")),
        .optional("vcpus", .array(.integer(0...4095, ""), "which vCPUs; all when left out")),
        .optional(
            "source", .choice(LiveSource.allCases.map(\.rawValue), "the one source to use; the best when left out")),
        .optional("features", .features("those of which the answer is to say how many vCPUs may use them")),
        .optional(
            "deadlineMs", .integer(1...60_000, "how long the answer may take, in milliseconds; 500 when left out")),
    ]
}
