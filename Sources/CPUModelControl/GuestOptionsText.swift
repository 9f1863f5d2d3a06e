// SPDX-License-Identifier: Apache-2.0

import JSON

/// What the owner of a VM chose of its CPU beside model and topology: the member `options` of a result.
enum GuestOptionsText {
    /// Each option as `cpumodelctl compute` takes it, without the dashes; none where all are at their default.
    ///
    /// Explicit APIC ids are left out: a VM's are shown for themselves.
    static func words(_ reader: inout ObjectReader) throws(JSONShapeError) -> [String] {
        guard let options = try reader.optionalObject("options")?.object else { return [] }
        return options.filter { $0.key != "apicIds" }.map { name, value in
            switch value {
            case .bool(true): return dashed(name)
            case .bool(false): return "no-\(dashed(name))"
            case .array(let elements): return "\(dashed(name))=\(elements.map(text).joined(separator: ","))"
            default: return "\(dashed(name))=\(text(value))"
            }
        }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .object(let section):
            [section["address"], section["size"]].map { $0.map(text) ?? "" }.joined(separator: ":")
        default: "?"
        }
    }

    /// `physicalAddressBits` as `physical-address-bits`, `tscKHz` as `tsc-khz`.
    private static func dashed(_ name: String) -> String {
        if name == "tscKHz" { return "tsc-khz" }
        return name.map { $0.isUppercase ? "-\($0.lowercased())" : "\($0)" }.joined()
    }
}
