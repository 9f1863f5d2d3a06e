// SPDX-License-Identifier: Apache-2.0

/// How values look in the text: quotes and escapes, digits.
extension JSONWriter {
    /// Appends a string in quotes, with escapes where RFC 8259, section 7 requires them and nowhere else.
    mutating func appendQuoted(_ string: String) {
        let text = string.utf8Span.span
        let start = bytes.count
        // Nearly no string has anything to escape: copy, look meanwhile, and do it over if need be.
        var needsEscape = false
        bytes.append(addingCapacity: text.count + 2) { output in
            output.append(UInt8(ascii: "\""))
            for index in text.indices {
                needsEscape = needsEscape || Self.needsEscape(text[index])
                output.append(text[index])
            }
            output.append(UInt8(ascii: "\""))
        }
        if needsEscape {
            bytes.removeSubrange(start...)
            appendEscaped(text)
        }
    }

    private mutating func appendEscaped(_ text: Span<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for index in text.indices {
            if Self.needsEscape(text[index]) { appendEscape(text[index]) } else { bytes.append(text[index]) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x00..<0x20:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(hexadecimalDigit(UInt64(byte >> 4)))
            bytes.append(hexadecimalDigit(UInt64(byte)))
        default: bytes.append(byte)
        }
    }

    /// Appends a number in base 10.
    mutating func appendDecimal(_ value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        var rest = value
        repeat {
            start -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest > 0
        bytes.append(addingCapacity: 20) { output in
            for index in start..<20 { output.append(digits[index]) }
        }
    }

    /// Appends `0x` and a number in base 16, in quotes.
    mutating func appendHexadecimal(_ value: UInt64, width: Int) {
        let significant = (UInt64.bitWidth - value.leadingZeroBitCount + 3) / 4
        let digits = min(16, max(1, width, significant))
        bytes.append(addingCapacity: 20) { output in
            output.append(UInt8(ascii: "\""))
            output.append(UInt8(ascii: "0"))
            output.append(UInt8(ascii: "x"))
            for place in (0..<digits).reversed() {
                output.append(hexadecimalDigit(value >> UInt64(4 * place)))
            }
            output.append(UInt8(ascii: "\""))
        }
    }
}
