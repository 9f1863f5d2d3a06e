// SPDX-License-Identifier: Apache-2.0

/// What can write itself as one JSON value.
public protocol JSONWritable {
    /// Writes this as exactly one value.
    func write(to writer: inout JSONWriter)
}

extension JSONWritable {
    /// This as a JSON text in UTF-8, without space.
    public func jsonBytes() -> [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }
}

extension JSONValue: JSONWritable {
    /// Writes the tree.
    public func write(to writer: inout JSONWriter) { writer.value(self) }
}

extension JSONObject: JSONWritable {
    /// Writes the object.
    public func write(to writer: inout JSONWriter) { writer.object(self) }
}

extension String: JSONWritable {
    /// Writes a string.
    public func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Bool: JSONWritable {
    /// Writes `true` or `false`.
    public func write(to writer: inout JSONWriter) { writer.bool(self) }
}

extension Double: JSONWritable {
    /// Writes a number.
    public func write(to writer: inout JSONWriter) { writer.number(self) }
}

extension FixedWidthInteger where Self: JSONWritable {
    /// Writes an integer in decimal.
    @inlinable
    public func write(to writer: inout JSONWriter) { writer.integer(self) }
}

extension Int: JSONWritable {}
extension Int32: JSONWritable {}
extension Int64: JSONWritable {}
extension UInt: JSONWritable {}
extension UInt8: JSONWritable {}
extension UInt16: JSONWritable {}
extension UInt32: JSONWritable {}
extension UInt64: JSONWritable {}

extension Array: JSONWritable where Element: JSONWritable {
    /// Writes an array.
    public func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for element in self { element.write(to: &writer) }
        writer.endArray()
    }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
    /// Writes the value, or `null` when there is none.
    public func write(to writer: inout JSONWriter) {
        if let self { self.write(to: &writer) } else { writer.null() }
    }
}
