// SPDX-License-Identifier: Apache-2.0

/// The digits of a number in base 16, at least so many.
func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// The value of a hexadecimal digit, or `nil` when it is none.
func hexadecimalDigitValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// The ASCII code of the lowest hexadecimal digit of a number.
@inline(__always)
func hexadecimalDigit(_ value: UInt64) -> UInt8 {
    let digit = UInt8(truncatingIfNeeded: value & 0xF)
    return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + (digit - 10)
}

/// Reads `0x` and 1 to 16 hexadecimal digits, of either case.
func parseHexadecimal(_ text: String) -> UInt64? {
    let utf8 = text.utf8
    guard (3...18).contains(utf8.count), utf8.starts(with: "0x".utf8) else { return nil }
    var value: UInt64 = 0
    for byte in utf8.dropFirst(2) {
        guard let digit = hexadecimalDigitValue(byte) else { return nil }
        value = value << 4 | UInt64(digit)
    }
    return value
}
