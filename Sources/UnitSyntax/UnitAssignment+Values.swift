// SPDX-License-Identifier: Apache-2.0

import Spelling

extension UnitAssignment {
    /// The value as systemd writes booleans: `1`, `yes`, `y`, `true`, `t`, `on` and `0`, `no`, `n`, `false`, `f`,
    /// `off`, in upper or lower case.
    public func boolean() throws(UnitSyntaxError) -> Bool {
        switch value.lowercased() {
        case "1", "yes", "y", "true", "t", "on": true
        case "0", "no", "n", "false", "f", "off": false
        default: throw mismatch("a boolean such as \"yes\" or \"no\"")
        }
    }

    /// The value as an integer, in decimal or, behind `0x`, in base 16.
    ///
    /// A leading zero is an error: systemd takes such numbers for octal, and people do not.
    public func integer<T: FixedWidthInteger>(
        in range: ClosedRange<T> = T.min...T.max
    ) throws(UnitSyntaxError) -> T {
        guard let integer = parseInteger(value, as: T.self), range.contains(integer) else {
            throw mismatch("an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// The value as a number of bytes: an integer, with `K`, `M`, `G` or `T` for a power of 1024.
    public func size(in range: ClosedRange<UInt64> = 0 ... .max) throws(UnitSyntaxError) -> UInt64 {
        let exponents: [Character: UInt64] = ["K": 10, "M": 20, "G": 30, "T": 40]
        let exponent = value.last.flatMap { exponents[$0] }
        let digits = exponent == nil ? value : String(value.dropLast())
        if !digits.hasPrefix("0x"), let count = parseInteger(digits, as: UInt64.self) {
            let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << (exponent ?? 0))
            if !overflow, range.contains(bytes) { return bytes }
        }
        throw mismatch("a size from \(range.lowerBound) to \(range.upperBound) bytes, such as \"512K\" or \"16M\"")
    }

    /// The value as one of these words, exactly so.
    public func enumeration<E: RawRepresentable & CaseIterable>(
        as type: E.Type = E.self
    ) throws(UnitSyntaxError) -> E where E.RawValue == String {
        if let word = E(rawValue: value) { return word }
        let words = E.allCases.map(\.rawValue)
        let suggestion = nearest(value, in: words).map { "; did you mean \"\($0)\"?" } ?? ""
        throw error("must be one of \(words.joined(separator: ", ")), not \(quoted(value))\(suggestion)")
    }
}

/// An integer in decimal or, behind `0x`, in base 16, without signs other than one leading `-` and without spare zeros.
func parseInteger<T: FixedWidthInteger>(_ text: String, as type: T.Type) -> T? {
    if text.hasPrefix("0x") {
        let digits = text.dropFirst(2)
        // `T(_:radix:)` would take a sign here.
        return digits.utf8.first.map(isHexadecimalDigit) == true ? T(digits, radix: 16) : nil
    }
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard let first = digits.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
        first != UInt8(ascii: "0") || digits.utf8.count == 1
    else { return nil }
    return T(text)
}

/// Whether a byte is a digit in base 16.
func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
        UInt8(ascii: "A")...UInt8(ascii: "F"):
        true
    default: false
    }
}
