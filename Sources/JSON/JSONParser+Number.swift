// SPDX-License-Identifier: Apache-2.0

extension JSONParser {
    /// Reads the number that starts here (RFC 8259, section 6).
    mutating func parseNumber(_ bytes: Span<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        let start = offset
        let isNegative = take(UInt8(ascii: "-"), bytes)
        let first = offset
        let magnitude = try parseDigits(bytes)
        if bytes[first] == UInt8(ascii: "0"), offset > first + 1 {
            throw JSONSyntaxError(.leadingZero, offset: first)
        }

        var isInteger = true
        if take(UInt8(ascii: "."), bytes) {
            isInteger = false
            _ = try parseDigits(bytes)
        }
        if take(UInt8(ascii: "e"), bytes) || take(UInt8(ascii: "E"), bytes) {
            isInteger = false
            if !take(UInt8(ascii: "+"), bytes) { _ = take(UInt8(ascii: "-"), bytes) }
            _ = try parseDigits(bytes)
        }

        if isInteger, let magnitude, let integer = Self.integer(magnitude, isNegative: isNegative) {
            return .integer(integer)
        }
        return .number(try double(bytes.extracting(start..<offset), at: start))
    }

    /// Reads at least one digit.
    ///
    /// - Returns: the number they make, or `nil` when it does not fit 64 bits.
    private mutating func parseDigits(_ bytes: Span<UInt8>) throws(JSONSyntaxError) -> UInt64? {
        let start = offset
        var value: UInt64 = 0
        var overflows = false
        while offset < bytes.count {
            let digit = bytes[offset] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            overflows = overflows || overflow || carry
            value = sum
            offset += 1
        }
        guard offset > start else { throw unexpected(bytes, expected: "a digit") }
        return overflows ? nil : value
    }

    private static func integer(_ magnitude: UInt64, isNegative: Bool) -> Int64? {
        guard isNegative else { return Int64(exactly: magnitude) }
        return magnitude <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
    }

    /// The number nearest to a literal already found well-formed. What is too small becomes zero, as everywhere.
    private func double(_ literal: Span<UInt8>, at start: Int) throws(JSONSyntaxError) -> Double {
        guard let text = try? UTF8Span(validating: literal), let value = Double(String(copying: text)), value.isFinite
        else {
            throw JSONSyntaxError(.numberOutOfRange, offset: start)
        }
        return value
    }
}
