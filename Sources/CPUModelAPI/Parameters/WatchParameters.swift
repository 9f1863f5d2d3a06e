// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameters of `vm.watch`.
public struct WatchParameters: JSONReadable, Sendable {
    /// Names of VMs, registered or not; nil for all.
    public let vms: Set<String>?
    /// How often, in milliseconds, to look whether what vCPUs may use has changed; nil for never.
    public let capsMs: Int?
    /// How often, in milliseconds, to verify the VMs; nil for never.
    public let verifyMs: Int?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vms = try reader.optionalStrings("vms").map { Set($0) }
        capsMs = try reader.optionalInteger("capsMs", in: Self.capsRange).map { Int($0) }
        verifyMs = try reader.optionalInteger("verifyMs", in: Self.verifyRange).map { Int($0) }
    }

    private static let capsRange: ClosedRange<Int64> = 100...3_600_000
    private static let verifyRange: ClosedRange<Int64> = 1000...3_600_000

    static let members: [Schema.Member] = [
        .optional("vms", .array(.string(""), "names of VMs, registered or not yet; all when left out")),
        .optional(
            "capsMs",
            .integer(capsRange, "how often to look at what vCPUs may use, in milliseconds; never when left out")),
        .optional(
            "verifyMs",
            .integer(verifyRange, "how often to verify, in milliseconds; left out: only when vm.verify is called")),
    ]
}
