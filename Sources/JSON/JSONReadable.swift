// SPDX-License-Identifier: Apache-2.0

/// What can be read from a JSON object.
public protocol JSONReadable {
    /// Takes the members it knows from the reader. Whoever made the reader calls ``ObjectReader/finish()`` afterwards.
    init(reading reader: inout ObjectReader) throws(JSONShapeError)
}

extension JSONReadable {
    /// Reads an object whole: a member that the type does not know is an error.
    ///
    /// - Parameter path: what the messages call the object, such as `params`.
    public init(reading object: JSONObject, path: String) throws(JSONShapeError) {
        var reader = ObjectReader(object, path: path)
        self = try Self(reading: &reader)
        try reader.finish()
    }

    /// Reads a value that must be an object whole.
    public init(reading value: JSONValue, path: String) throws(JSONShapeError) {
        guard case .object(let object) = value else {
            throw JSONShapeError(path: path, message: "must be an object, not \(value.kindName)")
        }
        try self.init(reading: object, path: path)
    }
}
