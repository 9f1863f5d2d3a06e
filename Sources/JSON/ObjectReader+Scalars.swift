// SPDX-License-Identifier: Apache-2.0

extension ObjectReader {
    /// A string that must be there.
    public mutating func string(_ key: String) throws(JSONShapeError) -> String {
        guard let value = try optionalString(key) else { throw missing(key, expected: "a string") }
        return value
    }

    /// A string that may be left out.
    public mutating func optionalString(_ key: String) throws(JSONShapeError) -> String? {
        try optional(key, expected: "a string", \.stringValue)
    }

    /// An integer that must be there.
    public mutating func integer(
        _ key: String, in range: ClosedRange<Int64> = .min ... .max
    ) throws(JSONShapeError) -> Int64 {
        guard let value = try optionalInteger(key, in: range) else { throw missing(key, expected: "an integer") }
        return value
    }

    /// An integer that may be left out.
    public mutating func optionalInteger(
        _ key: String, in range: ClosedRange<Int64> = .min ... .max
    ) throws(JSONShapeError) -> Int64? {
        guard let integer = try optional(key, expected: "an integer", \.intValue) else { return nil }
        guard range.contains(integer) else { throw error(key, rangeMessage(range, integer)) }
        return integer
    }

    /// A boolean that must be there.
    public mutating func bool(_ key: String) throws(JSONShapeError) -> Bool {
        guard let value = try optionalBool(key) else { throw missing(key, expected: "a boolean") }
        return value
    }

    /// A boolean that is this when left out.
    public mutating func bool(_ key: String, default value: Bool) throws(JSONShapeError) -> Bool {
        try optionalBool(key) ?? value
    }

    /// A boolean that may be left out.
    public mutating func optionalBool(_ key: String) throws(JSONShapeError) -> Bool? {
        try optional(key, expected: "a boolean", \.boolValue)
    }

    /// A number, integer or not, that may be left out.
    public mutating func optionalNumber(_ key: String) throws(JSONShapeError) -> Double? {
        try optional(key, expected: "a number", \.doubleValue)
    }
}

// MARK: - Enumerations

extension ObjectReader {
    /// One of the strings of an enumeration; it must be there.
    public mutating func enumeration<E: RawRepresentable & CaseIterable>(
        _ key: String, as type: E.Type = E.self
    ) throws(JSONShapeError) -> E where E.RawValue == String {
        guard let value = try optionalEnumeration(key, as: type) else {
            throw missing(key, expected: listed(type.allCases.map(\.rawValue), "or"))
        }
        return value
    }

    /// One of the strings of an enumeration, or this when left out.
    public mutating func enumeration<E: RawRepresentable & CaseIterable>(
        _ key: String, default value: E
    ) throws(JSONShapeError) -> E where E.RawValue == String {
        try optionalEnumeration(key, as: E.self) ?? value
    }

    /// One of the strings of an enumeration; may be left out.
    public mutating func optionalEnumeration<E: RawRepresentable & CaseIterable>(
        _ key: String, as type: E.Type = E.self
    ) throws(JSONShapeError) -> E? where E.RawValue == String {
        func names() -> String { listed(type.allCases.map(\.rawValue), "or") }
        guard let name = try optional(key, expected: names(), \.stringValue) else { return nil }
        guard let value = E(rawValue: name) else { throw error(key, "must be \(names()), not \(quoted(name))") }
        return value
    }
}

// MARK: - Registers

extension ObjectReader {
    /// A 32-bit value that must be there: a string such as `"0x80000008"`, or a non-negative integer.
    public mutating func hex32(_ key: String) throws(JSONShapeError) -> UInt32 {
        guard let value = try optionalHex32(key) else { throw missing(key, expected: hexadecimalExpected) }
        return value
    }

    /// A 32-bit value that may be left out.
    public mutating func optionalHex32(_ key: String) throws(JSONShapeError) -> UInt32? {
        guard let value = try optionalHex64(key) else { return nil }
        guard let value = UInt32(exactly: value) else { throw error(key, "must fit 32 bits") }
        return value
    }

    /// A 64-bit value that must be there: a string such as `"0x345"`, or a non-negative integer.
    public mutating func hex64(_ key: String) throws(JSONShapeError) -> UInt64 {
        guard let value = try optionalHex64(key) else { throw missing(key, expected: hexadecimalExpected) }
        return value
    }

    /// A 64-bit value that may be left out.
    public mutating func optionalHex64(_ key: String) throws(JSONShapeError) -> UInt64? {
        guard let value = value(key), !value.isNull else { return nil }
        switch value {
        case .string(let text):
            guard let value = parseHexadecimal(text) else {
                throw error(key, "must be \(hexadecimalExpected), not \(quoted(text))")
            }
            return value
        case .integer(let integer):
            guard let value = UInt64(exactly: integer) else {
                throw error(key, "must be \(hexadecimalExpected), not \(integer)")
            }
            return value
        default: throw error(key, "must be \(hexadecimalExpected), not \(value.kindName)")
        }
    }
}

private let hexadecimalExpected = "a hexadecimal string such as \"0x80000008\" or a non-negative integer"

/// Why an integer is not in its range.
func rangeMessage(_ range: ClosedRange<Int64>, _ integer: Int64) -> String {
    if range.upperBound == .max {
        "must be \(range.lowerBound) or more, not \(integer)"
    } else {
        "must be from \(range.lowerBound) to \(range.upperBound), not \(integer)"
    }
}
