// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The shape of a JSON value, for the self-description of the API.
public indirect enum Schema: Sendable {
    /// Text.
    case string(_ description: String)
    /// One of these words.
    case choice([String], _ description: String)
    /// A whole number.
    case integer(ClosedRange<Int64>, _ description: String)
    /// `true` or `false`.
    case boolean(_ description: String)
    /// A number of up to 64 bits as `0x` and hexadecimal digits.
    case hex(_ description: String)
    /// A list.
    case array(Schema, _ description: String)
    /// An object with these members and no others.
    case object([Member], _ description: String)
    /// An object whose members are not fixed, all of one shape.
    case dictionary(Schema, _ description: String)
    /// The shape, or null.
    case nullable(Schema)
    /// Any value.
    case any(_ description: String)

    /// One member of an object.
    public struct Member: Sendable {
        /// The member's name.
        public let name: String
        /// The shape of its value.
        public let schema: Schema
        /// Whether it is always there.
        public let isRequired: Bool

        /// A member that is always there.
        public static func required(_ name: String, _ schema: Schema) -> Member {
            Member(name: name, schema: schema, isRequired: true)
        }

        /// A member that may be left out.
        public static func optional(_ name: String, _ schema: Schema) -> Member {
            Member(name: name, schema: schema, isRequired: false)
        }
    }

    /// The members of an object; none for any other shape.
    public var members: [Member] {
        if case .object(let members, _) = self { members } else { [] }
    }
}

extension Schema: JSONWritable {
    /// Writes the shape as JSON Schema (draft 7, which OpenRPC uses).
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in writeMembers(to: &writer) }
    }

    private func writeMembers(to writer: inout JSONWriter) {
        switch self {
        case .string(let description):
            writeType("string", description, to: &writer)
        case .choice(let words, let description):
            writeType("string", description, to: &writer)
            writer.member("enum", words)
        case .integer(let range, let description):
            writeType("integer", description, to: &writer)
            if range.lowerBound != .min { writer.member("minimum", range.lowerBound) }
            if range.upperBound != .max { writer.member("maximum", range.upperBound) }
        case .boolean(let description):
            writeType("boolean", description, to: &writer)
        case .hex(let description):
            writeType("string", description, to: &writer)
            writer.member("pattern", "^0x[0-9a-f]{1,16}$")
        case .array(let element, let description):
            writeType("array", description, to: &writer)
            writer.member("items", element)
        case .object(let members, let description):
            writeType("object", description, to: &writer)
            writer.object("properties") { writer in
                for member in members { writer.member(member.name, member.schema) }
            }
            writer.member("required", members.filter(\.isRequired).map(\.name))
            writer.member("additionalProperties", false)
        case .dictionary(let element, let description):
            writeType("object", description, to: &writer)
            writer.member("additionalProperties", element)
        case .nullable(let schema):
            writer.array("oneOf") { writer in
                schema.write(to: &writer)
                writer.object { $0.member("type", "null") }
            }
        case .any(let description):
            writer.member("description", description)
        }
    }

    private func writeType(_ type: String, _ description: String, to writer: inout JSONWriter) {
        writer.member("type", type)
        if !description.isEmpty { writer.member("description", description) }
    }
}

extension Schema {
    /// Why a value has not this shape; nil when it has.
    public func mismatch(_ value: JSONValue, path: String = "result") -> String? {
        switch (self, value) {
        case (.string, .string), (.boolean, .bool), (.any, _): nil
        case (.choice(let words, _), .string(let word)):
            words.contains(word) ? nil : "\(path) is \"\(word)\", which is none of \(words)"
        case (.integer(let range, _), .integer(let number)):
            range.contains(number) ? nil : "\(path) is \(number), outside \(range)"
        case (.hex, .string(let text)):
            text.hasPrefix("0x") && UInt64(text.dropFirst(2), radix: 16) != nil
                ? nil : "\(path) is \"\(text)\", which is no hexadecimal number"
        case (.array(let element, _), .array(let values)):
            values.enumerated().lazy.compactMap { element.mismatch($1, path: "\(path)[\($0)]") }.first
        case (.dictionary(let element, _), .object(let object)):
            object.lazy.compactMap { element.mismatch($0.value, path: "\(path).\($0.key)") }.first
        case (.object(let members, _), .object(let object)):
            mismatch(of: object, members: members, path: path)
        case (.nullable(let schema), _):
            value.isNull ? nil : schema.mismatch(value, path: path)
        default:
            "\(path) has another type than described: \(value.kindName)"
        }
    }

    private func mismatch(of object: JSONObject, members: [Member], path: String) -> String? {
        for (key, value) in object {
            guard let member = members.first(where: { $0.name == key }) else {
                return "\(path).\(key) is not described"
            }
            if let mismatch = member.schema.mismatch(value, path: "\(path).\(key)") { return mismatch }
        }
        let missing = members.first { $0.isRequired && object[$0.name] == nil }
        return missing.map { "\(path).\($0.name) is missing" }
    }
}
