// SPDX-License-Identifier: Apache-2.0

extension JSONParser {
    /// Reads the string whose opening quote is here (RFC 8259, section 7).
    mutating func parseString(_ bytes: Span<UInt8>) throws(JSONSyntaxError) -> String {
        offset += 1
        let start = offset
        var hasEscapes = false
        scan: while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""): break scan
            case UInt8(ascii: "\\"):
                hasEscapes = true
                offset += 2
            case 0x00...0x1F: throw JSONSyntaxError(.controlCharacter(bytes[offset]), offset: offset)
            default: offset += 1
            }
        }
        guard offset < bytes.count else {
            throw JSONSyntaxError(.unexpectedEnd(expected: "the closing quote of a string"), offset: bytes.count)
        }
        let raw = bytes.extracting(start..<offset)
        offset += 1

        // Escapes are ASCII, so what is UTF-8 with them is so without.
        do throws(UTF8.ValidationError) {
            let text = try UTF8Span(validating: raw)
            if !hasEscapes { return String(copying: text) }
        } catch {
            throw JSONSyntaxError(.invalidUTF8, offset: start + error.byteOffsets.lowerBound)
        }
        return try Self.unescape(raw, at: start)
    }

    /// Resolves the escapes of the contents of a string.
    private static func unescape(_ raw: Span<UInt8>, at start: Int) throws(JSONSyntaxError) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            guard byte == UInt8(ascii: "\\") else {
                // The scan for the closing quote stepped over the byte behind each backslash, whatever it was.
                decoded.append(byte)
                index += 1
                continue
            }
            let escape = index + 1 < raw.count ? raw[index + 1] : 0
            if let character = simpleEscape(escape) {
                decoded.append(character)
                index += 2
            } else if escape == UInt8(ascii: "u") {
                let (scalar, length) = try unicodeEscape(raw, at: index, textOffset: start)
                decoded.append(contentsOf: String(Character(scalar)).utf8)
                index += length
            } else {
                throw JSONSyntaxError(.invalidEscape, offset: start + index)
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// The character that a backslash and this letter stand for.
    private static func simpleEscape(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// The character of the `\uXXXX` here, or of a pair of them, and their length.
    private static func unicodeEscape(
        _ raw: Span<UInt8>, at index: Int, textOffset: Int
    ) throws(JSONSyntaxError) -> (Unicode.Scalar, length: Int) {
        guard let unit = codeUnit(raw, at: index) else {
            throw JSONSyntaxError(.invalidEscape, offset: textOffset + index)
        }
        if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
        if UTF16.isLeadSurrogate(unit), let trail = codeUnit(raw, at: index + 6), UTF16.isTrailSurrogate(trail),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(trail & 0x3FF)))
        {
            return (scalar, 12)
        }
        throw JSONSyntaxError(.loneSurrogate, offset: textOffset + index)
    }

    private static func codeUnit(_ raw: Span<UInt8>, at index: Int) -> UInt16? {
        guard index + 6 <= raw.count, raw[index] == UInt8(ascii: "\\"), raw[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var unit: UInt16 = 0
        for position in index + 2..<index + 6 {
            guard let digit = hexadecimalDigitValue(raw[position]) else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
