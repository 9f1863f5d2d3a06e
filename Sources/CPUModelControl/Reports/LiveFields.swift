// SPDX-License-Identifier: Apache-2.0

import JSON

/// Values of a running vCPU, each with where it comes from and how old it is.
struct LiveFields {
    /// One of them; equal for two vCPUs where only the age differs.
    struct Field: Hashable {
        let name, value, source: String
        let missing: [String]
    }

    private(set) var fields: [Field] = []
    /// How old each is at most, in milliseconds.
    private(set) var ages: [Int64?] = []

    /// Reads the members of an object as fields.
    mutating func read(_ key: String, of vcpu: inout ObjectReader) throws(JSONShapeError) {
        var object = try vcpu.object(key)
        for name in object.object.keys {
            var value = try object.object(name)
            fields.append(
                Field(
                    name: name, value: Self.text(value.value("value")), source: try value.string("source"),
                    missing: try value.optionalStrings("missing") ?? []))
            ages.append(try value.optionalInteger("ageMs"))
        }
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case .bool(let isOn): isOn ? "on" : "off"
        case .integer(let count): "\(count) bytes"
        case .string(let text): text
        default: "?"
        }
    }

    /// Takes in the ages of the same fields of another vCPU.
    mutating func merge(_ other: LiveFields) {
        for (position, age) in other.ages.enumerated() where position < ages.count {
            ages[position] = greater(ages[position], age)
        }
    }

    /// Writes them as a table.
    func write(to page: inout Page) {
        page.table(
            ["FIELD", "VALUE", "SOURCE", "AGE", "MAY HAVE CHANGED WITH"],
            zip(fields, ages).map { field, milliseconds in
                [
                    Cell(field.name), Cell(field.value, field.missing.isEmpty ? nil : .yellow),
                    Cell(field.source), Cell(age(milliseconds: milliseconds)),
                    Cell(field.missing.joined(separator: ", ")),
                ]
            })
    }
}
