// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// The value as a JSON text in UTF-8.
    ///
    /// Reading the text gives an equal value, except that numbers that are infinite or not a number, which JSON cannot
    /// express, are written as `null`.
    ///
    /// - Parameter pretty: one member or element a line, indented by two spaces. Otherwise there is no space and no
    ///   line feed in the text.
    public func serialized(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty)
        writer.value(self)
        return writer.bytes
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as a JSON text without space.
    public var description: String {
        String(decoding: serialized(), as: UTF8.self)
    }
}
