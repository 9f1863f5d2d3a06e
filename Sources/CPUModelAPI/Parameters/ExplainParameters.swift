// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameter `explain`: which registers of a table to explain.
public struct ExplainParameters: JSONReadable, Sendable {
    /// The leaf; nil for all.
    public let leaf: UInt32?
    /// The subleaf; nil for all.
    public let subleaf: UInt32?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        leaf = try reader.optionalHex32("leaf")
        subleaf = try reader.optionalHex32("subleaf")
        if subleaf != nil, leaf == nil { throw reader.error("subleaf", "makes no sense without \"leaf\"") }
    }

    /// Whether an entry is to be explained.
    public func includes(_ leaf: UInt32, _ subleaf: UInt32) -> Bool {
        (self.leaf ?? leaf) == leaf && (self.subleaf ?? subleaf) == subleaf
    }

    static let schema = Schema.object(
        [
            .optional("leaf", .hex("the one leaf to explain; all when left out")),
            .optional("subleaf", .hex("the one subleaf to explain; all when left out")),
        ], "who decided each bit of each vCPU's table; an empty object explains every register")
}
