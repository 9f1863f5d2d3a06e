// SPDX-License-Identifier: Apache-2.0

extension JSONWriter {
    /// Writes an object; the closure writes its members.
    @inlinable
    public mutating func object<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        beginObject()
        try body(&self)
        endObject()
    }

    /// Writes an array; the closure writes its elements.
    @inlinable
    public mutating func array<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        beginArray()
        try body(&self)
        endArray()
    }

    /// Writes a member whose value is an object; the closure writes its members.
    @inlinable
    public mutating func object<E: Error>(_ key: String, _ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        self.key(key)
        try object(body)
    }

    /// Writes a member whose value is an array; the closure writes its elements.
    @inlinable
    public mutating func array<E: Error>(_ key: String, _ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        self.key(key)
        try array(body)
    }

    /// Writes a member; the closure writes its value, exactly one.
    @inlinable
    public mutating func member<E: Error>(_ key: String, _ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        self.key(key)
        try body(&self)
    }

    /// Writes a member whose value can write itself. A value that is `nil` is written as `null`.
    @inlinable
    public mutating func member(_ key: String, _ value: some JSONWritable) {
        self.key(key)
        value.write(to: &self)
    }

    /// Writes a member whose value is given as a tree.
    public mutating func member(_ key: String, _ value: JSONValue) {
        self.key(key)
        self.value(value)
    }

    /// Writes a member whose value is a register: a string of `0x` and 8 digits.
    public mutating func member(_ key: String, hex32 value: UInt32) {
        self.key(key)
        hex32(value)
    }

    /// Writes a member whose value is a string of `0x` and as many digits as the value has, but at least `width`.
    public mutating func member(_ key: String, hex value: UInt64, width: Int = 1) {
        self.key(key)
        hex(value, width: width)
    }
}
