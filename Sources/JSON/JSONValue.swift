// SPDX-License-Identifier: Apache-2.0

/// Any JSON value (RFC 8259, section 3), as a tree.
///
/// Where an answer only needs to be written, ``JSONWriter`` does it without a tree; where an object is read into a type
/// of one's own, ``ObjectReader`` does it with exact messages.
public enum JSONValue: Sendable, Equatable {
    /// The literal `null`.
    case null
    /// The literals `true` and `false`.
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits. `-0` is zero.
    case integer(Int64)
    /// Every other number: with a fraction or an exponent, or an integer beyond 64 bits, then rounded.
    case number(Double)
    /// A string, escapes resolved.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object, members in the order in which they were written.
    case object(JSONObject)
}

extension JSONValue {
    /// The string, or `nil` when this is no string.
    public var stringValue: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// The integer, or `nil` when this is no integer. A number such as `1.0` is none.
    public var intValue: Int64? {
        if case .integer(let integer) = self { integer } else { nil }
    }

    /// The number, whether it is an integer or not, or `nil` when this is no number.
    public var doubleValue: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    /// The truth value, or `nil` when this is neither `true` nor `false`.
    public var boolValue: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    /// The elements, or `nil` when this is no array.
    public var arrayValue: [JSONValue]? {
        if case .array(let array) = self { array } else { nil }
    }

    /// The object, or `nil` when this is none.
    public var objectValue: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The member of this name, or `nil` when there is none or this is no object.
    public subscript(_ key: String) -> JSONValue? {
        objectValue?[key]
    }
}

extension JSONValue {
    /// What this is, with its article, for messages: "a string", "an integer", "null".
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number that is no 64-bit integer"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
