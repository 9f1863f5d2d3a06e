// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// The parameters of `vm.list`: which VMs are meant. Those are listed that meet all that is asked.
public struct ListVMsParameters: JSONReadable, Sendable {
    /// Features, by any of their names, that a vCPU may use right now.
    public let with: [String]
    /// Name of a model, for all its versions; of a version; or a pattern with `*` and `?`.
    public let model: String?
    /// The systemd unit of the owner, or a pattern with `*` and `?`.
    public let unit: String?
    /// What KVM did with the tables.
    public let verdict: Verdict?
    /// Whether to list only VMs of which the catalog has a newer version of their model.
    public let olderVersion: Bool
    /// Whether to list only VMs whose vCPUs are not all the same CPU.
    public let inconsistent: Bool
    /// How long it may take to look at running vCPUs, in milliseconds. Only features that come and go need that.
    public let deadlineMs: Int

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        with = try reader.optionalStrings("with") ?? []
        model = try reader.optionalString("model")
        unit = try reader.optionalString("unit")
        verdict = try reader.optionalEnumeration("verdict")
        olderVersion = try reader.bool("olderVersion", default: false)
        inconsistent = try reader.bool("inconsistent", default: false)
        deadlineMs = Int(try reader.optionalInteger("deadlineMs", in: 1...60_000) ?? CapsParameters.defaultDeadline)
    }

    static let members: [Schema.Member] = [
        .optional("with", .features("only VMs with a vCPU that may use all of these right now")),
        .optional("model", .string("name of a model, for all its versions, or of a version; may have * and ?")),
        .optional("unit", .string("the systemd unit of the owner; may have * and ?")),
        .optional("verdict", VCPUReport.verdictSchema),
        .optional("olderVersion", .boolean("only VMs of which the catalog has a newer version of their model")),
        .optional("inconsistent", .boolean("only VMs whose vCPUs are not all the same CPU, APIC ids apart")),
        .optional(
            "deadlineMs",
            .integer(1...60_000, "how long it may take to look at running vCPUs, in milliseconds; 500 when left out")),
    ]
}
