// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// Reads a JSON text: one value, with nothing but space around it.
    ///
    /// Strict as RFC 8259 has it, and stricter where the RFC leaves room for readers to disagree: two members of one
    /// name, a byte order mark, bytes that are not UTF-8, half a surrogate pair, and numbers beyond `Double` are errors.
    /// Time and memory are linear in the length of the text, whatever the text is.
    public init(parsing bytes: Span<UInt8>, limits: JSONLimits = .init()) throws(JSONSyntaxError) {
        var parser = JSONParser(limits: limits)
        self = try parser.parseText(bytes)
    }

    /// Reads a JSON text.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .init()) throws(JSONSyntaxError) {
        try self.init(parsing: bytes.span, limits: limits)
    }

    /// Reads a JSON text that is part of a buffer. Offsets in errors count from the start of the slice.
    public init(parsing bytes: ArraySlice<UInt8>, limits: JSONLimits = .init()) throws(JSONSyntaxError) {
        try self.init(parsing: bytes.span, limits: limits)
    }

    /// Reads a JSON text.
    public init(parsing text: String, limits: JSONLimits = .init()) throws(JSONSyntaxError) {
        try self.init(parsing: text.utf8Span.span, limits: limits)
    }
}
