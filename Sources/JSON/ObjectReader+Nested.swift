// SPDX-License-Identifier: Apache-2.0

extension ObjectReader {
    /// A reader of an object that must be there. Call its ``finish()`` when done.
    public mutating func object(_ key: String) throws(JSONShapeError) -> ObjectReader {
        guard let value = try optionalObject(key) else { throw missing(key, expected: "an object") }
        return value
    }

    /// A reader of an object that may be left out. Call its ``finish()`` when done.
    public mutating func optionalObject(_ key: String) throws(JSONShapeError) -> ObjectReader? {
        guard let object = try optional(key, expected: "an object", \.objectValue) else { return nil }
        return ObjectReader(object, path: memberPath(path, key))
    }

    /// An object that must be there, read whole: members that the type does not know are errors.
    public mutating func read<T: JSONReadable>(
        _ key: String, as type: T.Type = T.self
    ) throws(JSONShapeError) -> T {
        guard let value = try optionalRead(key, as: type) else { throw missing(key, expected: "an object") }
        return value
    }

    /// An object that may be left out, read whole: members that the type does not know are errors.
    public mutating func optionalRead<T: JSONReadable>(
        _ key: String, as type: T.Type = T.self
    ) throws(JSONShapeError) -> T? {
        guard var reader = try optionalObject(key) else { return nil }
        let value = try T(reading: &reader)
        try reader.finish()
        return value
    }
}

// MARK: - Arrays

extension ObjectReader {
    /// An array that must be there.
    public mutating func array(_ key: String) throws(JSONShapeError) -> [JSONValue] {
        guard let value = try optionalArray(key) else { throw missing(key, expected: "an array") }
        return value
    }

    /// An array that may be left out.
    public mutating func optionalArray(_ key: String) throws(JSONShapeError) -> [JSONValue]? {
        try optional(key, expected: "an array", \.arrayValue)
    }

    /// An array of strings that may be left out.
    public mutating func optionalStrings(_ key: String) throws(JSONShapeError) -> [String]? {
        try elements(key, expected: "a string", \.stringValue)
    }

    /// An array of integers that may be left out.
    public mutating func optionalIntegers(
        _ key: String, in range: ClosedRange<Int64> = .min ... .max
    ) throws(JSONShapeError) -> [Int64]? {
        let integers = try elements(key, expected: "an integer", \.intValue)
        if let index = integers?.firstIndex(where: { !range.contains($0) }), let integer = integers?[index] {
            throw JSONShapeError(path: elementPath(key, index), message: rangeMessage(range, integer))
        }
        return integers
    }

    /// An array of objects that may be left out, each read whole.
    public mutating func optionalReadArray<T: JSONReadable>(
        _ key: String, of type: T.Type = T.self
    ) throws(JSONShapeError) -> [T]? {
        guard let array = try optionalArray(key) else { return nil }
        var elements: [T] = []
        elements.reserveCapacity(array.count)
        for (index, value) in array.enumerated() {
            elements.append(try T(reading: value, path: elementPath(key, index)))
        }
        return elements
    }

    /// An array of objects that must be there, each read whole.
    public mutating func readArray<T: JSONReadable>(
        _ key: String, of type: T.Type = T.self
    ) throws(JSONShapeError) -> [T] {
        guard let value = try optionalReadArray(key, of: type) else { throw missing(key, expected: "an array") }
        return value
    }

    private mutating func elements<T>(
        _ key: String, expected: String, _ convert: (JSONValue) -> T?
    ) throws(JSONShapeError) -> [T]? {
        guard let array = try optionalArray(key) else { return nil }
        var elements: [T] = []
        elements.reserveCapacity(array.count)
        for (index, value) in array.enumerated() {
            guard let element = convert(value) else {
                throw JSONShapeError(
                    path: elementPath(key, index), message: "must be \(expected), not \(value.kindName)")
            }
            elements.append(element)
        }
        return elements
    }

    private func elementPath(_ key: String, _ index: Int) -> String {
        "\(memberPath(path, key))[\(index)]"
    }
}
