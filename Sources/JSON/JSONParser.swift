// SPDX-License-Identifier: Apache-2.0

/// One pass over a text. The bytes are handed from call to call, since a type of ours cannot hold a `Span`.
struct JSONParser {
    let limits: JSONLimits

    /// The next byte to read.
    var offset = 0

    /// How many members and elements have been read so far.
    private var members = 0

    init(limits: JSONLimits) {
        var limits = limits
        limits.maxDepth = min(limits.maxDepth, JSONLimits.depthCeiling)
        self.limits = limits
    }

    mutating func parseText(_ bytes: Span<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        guard bytes.count <= limits.maxBytes else {
            throw JSONSyntaxError(.tooLarge(limit: limits.maxBytes), offset: limits.maxBytes)
        }
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw JSONSyntaxError(.byteOrderMark, offset: 0)
        }
        skipSpace(bytes)
        let value = try parseValue(bytes, depth: 0)
        skipSpace(bytes)
        guard offset == bytes.count else { throw JSONSyntaxError(.trailingBytes, offset: offset) }
        return value
    }

    private mutating func parseValue(_ bytes: Span<UInt8>, depth: Int) throws(JSONSyntaxError) -> JSONValue {
        guard offset < bytes.count else { throw unexpected(bytes, expected: "a value") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object(try parseObject(bytes, depth: depth + 1))
        case UInt8(ascii: "["): return .array(try parseArray(bytes, depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try parseString(bytes))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber(bytes)
        case UInt8(ascii: "t"): return try parseLiteral(bytes, "true", .bool(true))
        case UInt8(ascii: "f"): return try parseLiteral(bytes, "false", .bool(false))
        case UInt8(ascii: "n"): return try parseLiteral(bytes, "null", .null)
        default: throw unexpected(bytes, expected: "a value")
        }
    }

    private mutating func parseObject(_ bytes: Span<UInt8>, depth: Int) throws(JSONSyntaxError) -> JSONObject {
        try enter(depth)
        var object = JSONObject()
        skipSpace(bytes)
        if take(UInt8(ascii: "}"), bytes) { return object }
        while true {
            guard next(bytes) == UInt8(ascii: "\"") else {
                throw unexpected(bytes, expected: object.isEmpty ? "a member name or '}'" : "a member name")
            }
            let start = offset
            let key = try parseString(bytes)
            // Before the value, so that the error names the earliest fault.
            guard !object.contains(key) else { throw JSONSyntaxError(.duplicateKey(key), offset: start) }
            skipSpace(bytes)
            guard take(UInt8(ascii: ":"), bytes) else { throw unexpected(bytes, expected: "':'") }
            skipSpace(bytes)
            try countMember()
            object.appendNew(try parseValue(bytes, depth: depth), for: key)
            skipSpace(bytes)
            if take(UInt8(ascii: "}"), bytes) { return object }
            guard take(UInt8(ascii: ","), bytes) else { throw unexpected(bytes, expected: "',' or '}'") }
            skipSpace(bytes)
        }
    }

    private mutating func parseArray(_ bytes: Span<UInt8>, depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
        try enter(depth)
        var array: [JSONValue] = []
        skipSpace(bytes)
        if take(UInt8(ascii: "]"), bytes) { return array }
        while true {
            try countMember()
            array.append(try parseValue(bytes, depth: depth))
            skipSpace(bytes)
            if take(UInt8(ascii: "]"), bytes) { return array }
            guard take(UInt8(ascii: ","), bytes) else { throw unexpected(bytes, expected: "',' or ']'") }
            skipSpace(bytes)
        }
    }

    private mutating func parseLiteral(
        _ bytes: Span<UInt8>, _ literal: String, _ value: JSONValue
    ) throws(JSONSyntaxError) -> JSONValue {
        for letter in literal.utf8 {
            guard take(letter, bytes) else { throw unexpected(bytes, expected: "'\(literal)'") }
        }
        return value
    }

    /// Steps over the opening bracket of an array or object.
    private mutating func enter(_ depth: Int) throws(JSONSyntaxError) {
        guard depth <= limits.maxDepth else { throw JSONSyntaxError(.tooDeep(limit: limits.maxDepth), offset: offset) }
        offset += 1
    }

    private mutating func countMember() throws(JSONSyntaxError) {
        guard members < limits.maxMembers else {
            throw JSONSyntaxError(.tooManyMembers(limit: limits.maxMembers), offset: offset)
        }
        members += 1
    }
}

// MARK: - Bytes

extension JSONParser {
    @inline(__always)
    func next(_ bytes: Span<UInt8>) -> UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    /// Steps over the next byte if it is this one.
    @inline(__always)
    mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    @inline(__always)
    mutating func skipSpace(_ bytes: Span<UInt8>) {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// The error that something else stands here, or nothing more.
    func unexpected(_ bytes: Span<UInt8>, expected: String) -> JSONSyntaxError {
        if let byte = next(bytes) {
            JSONSyntaxError(.unexpectedByte(byte, expected: expected), offset: offset)
        } else {
            JSONSyntaxError(.unexpectedEnd(expected: expected), offset: offset)
        }
    }
}
