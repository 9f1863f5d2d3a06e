// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

extension CPUIDEntry: JSONReadable, JSONWritable {
    /// Reads `leaf`, `subleaf` (left out where it does not matter) and the registers.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let leaf = try reader.hex32("leaf")
        let subleaf = try reader.optionalHex32("subleaf").map(SubleafMatch.exact) ?? .any
        self.init(
            leaf, subleaf, eax: try reader.hex32("eax"), ebx: try reader.hex32("ebx"), ecx: try reader.hex32("ecx"),
            edx: try reader.hex32("edx"))
    }

    /// Writes `leaf`, `subleaf` where it matters, and the registers.
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("leaf", hex32: leaf)
        if case .exact(let subleaf) = subleaf { writer.member("subleaf", hex: UInt64(subleaf)) }
        writer.member("eax", hex32: eax)
        writer.member("ebx", hex32: ebx)
        writer.member("ecx", hex32: ecx)
        writer.member("edx", hex32: edx)
        writer.endObject()
    }
}

extension CPUIDTable: JSONWritable {
    /// Writes a list of entries.
    public func write(to writer: inout JSONWriter) { entries.write(to: &writer) }
}

extension CPUSignature: JSONWritable {
    /// Writes `family`, `model` and `stepping`.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("family", family)
            writer.member("model", model)
            writer.member("stepping", stepping)
        }
    }
}

/// MSR values as an object from index to value.
struct MSRValues: JSONWritable {
    let values: [UInt32: UInt64]

    init(_ values: [UInt32: UInt64]) { self.values = values }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for (index, value) in values.sorted(by: { $0.key < $1.key }) {
                writer.member("0x" + String(index, radix: 16), hex: value)
            }
        }
    }
}

extension Schema {
    static let signature = Schema.object(
        [
            .required("family", .integer(0...270, "display family")),
            .required("model", .integer(0...255, "display model")),
            .required("stepping", .integer(0...15, "stepping")),
        ], "leaf 1 EAX")

    static func cpuidTable(_ description: String) -> Schema {
        .array(
            .object(
                [
                    .required("leaf", .hex("")), .optional("subleaf", .hex("left out where it does not matter")),
                    .required("eax", .hex("")), .required("ebx", .hex("")), .required("ecx", .hex("")),
                    .required("edx", .hex("")),
                ], ""), description)
    }

    static func msrs(_ description: String) -> Schema { .dictionary(.hex(""), description) }
}
