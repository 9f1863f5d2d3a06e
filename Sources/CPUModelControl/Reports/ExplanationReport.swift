// SPDX-License-Identifier: Apache-2.0

public import JSON

/// Who decided the bits of a table, for people: of `table.compute` or `vm.show` with `explain`. Zeros that the model, or
/// the manual, leaves at zero are left out.
public struct ExplanationReport: Report {
    private let explanation: Explanation

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) { explanation = try Explanation(&reader) }

    /// Writes it.
    public func write(to page: inout Page) { explanation.write(to: &page) { $0.isNotable } }
}

/// The same with every field that has a name.
public struct FullExplanationReport: Report {
    private let explanation: Explanation

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) { explanation = try Explanation(&reader) }

    /// Writes it.
    public func write(to page: inout Page) { explanation.write(to: &page) { _ in true } }
}

/// The explained registers of one or more vCPUs.
private struct Explanation {
    struct Field {
        let bits, name, value, decider, reason, meaning: String
        let isZero: Bool

        /// Whether it says more than that nobody wanted anything.
        var isNotable: Bool { !isZero || !["model", "architecture"].contains(decider) }
    }

    struct Register {
        let entry, name: String
        let value: UInt32
        let fields: [Field]
    }

    let headline: String
    let vcpus: [(title: String, registers: [Register])]

    init(_ reader: inout ObjectReader) throws(JSONShapeError) {
        headline = try reader.string("expression")
        if reader.has("explanation") {
            vcpus = [("What KVM holds for vCPU 0 of \(try reader.string("vm"))", try Self.registers(&reader))]
        } else {
            vcpus = try reader.objects("vcpus") { (vcpu) throws(JSONShapeError) in
                ("vCPU \(try vcpu.integer("index"))", try Self.registers(&vcpu))
            }
        }
    }

    private static func registers(_ reader: inout ObjectReader) throws(JSONShapeError) -> [Register] {
        try reader.objects("explanation") { (register) throws(JSONShapeError) in
            Register(
                entry: entryName(
                    leaf: try register.hex32("leaf"), subleaf: try register.optionalHex32("subleaf") ?? 0),
                name: try register.string("register"), value: try register.hex32("value"),
                fields: try register.objects("fields") { (field) throws(JSONShapeError) in try Self.field(&field) })
        }
    }

    private static func field(_ reader: inout ObjectReader) throws(JSONShapeError) -> Field {
        let (low, high) = (try reader.integer("low"), try reader.integer("high"))
        let value = try reader.hex32("value")
        return Field(
            bits: low == high ? "\(low)" : "\(high):\(low)", name: try reader.optionalString("name") ?? "",
            value: low == high ? "\(value)" : "0x\(String(value, radix: 16))", decider: try reader.string("decidedBy"),
            reason: try reader.string("reason"), meaning: try reader.optionalString("meaning") ?? "", isZero: value == 0
        )
    }

    func write(to page: inout Page, showing isShown: (Field) -> Bool) {
        page.title(headline)
        for vcpu in vcpus {
            page.title(vcpu.title)
            for register in vcpu.registers {
                let fields = register.fields.filter(isShown)
                if fields.isEmpty, register.value == 0 { continue }
                page.line()
                page.line(
                    "\(register.entry) \(register.name) 0x\(hexadecimal(UInt64(register.value), digits: 8))", .bold)
                page.rows(fields.map { row($0, among: fields) })
            }
        }
    }

    private func row(_ field: Field, among fields: [Field]) -> Page.Row {
        let widths = (
            fields.map(\.bits.count).max() ?? 0, fields.map(\.name.count).max() ?? 0,
            fields.map(\.value.count).max() ?? 0
        )
        let bits = String(repeating: " ", count: widths.0 - field.bits.count) + field.bits
        let label = "\(bits)  \(padded(field.name, to: widths.1))  \(padded(field.value, to: widths.2))"
        return .init(label, "\(field.decider): \(field.reason)")
    }
}
