// SPDX-License-Identifier: Apache-2.0

/// A line of a text, read from left to right.
struct TextLine {
    /// The line's number, from 1.
    let number: Int
    /// The whole line, without its end and without a carriage return before that.
    let bytes: ArraySlice<UInt8>
    /// What has not been read yet.
    var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>, number: Int) {
        self.number = number
        self.bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        rest = self.bytes
    }

    /// The column of what comes next, from 1.
    var column: Int { rest.startIndex - bytes.startIndex + 1 }

    /// Skips spaces and tabs.
    mutating func skipSpace() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    /// Takes a word that stands here, or leaves the line as it is.
    mutating func take(_ word: String) -> Bool {
        guard rest.starts(with: word.utf8) else { return false }
        rest = rest.dropFirst(word.utf8.count)
        return true
    }

    /// Takes hexadecimal digits, at most so many; nil, and the line as it was, when there are none or more.
    mutating func hexadecimal(digits limit: Int) -> UInt64? {
        var value: UInt64 = 0
        var count = 0
        for byte in rest {
            guard let digit = hexadecimalDigit(byte) else { break }
            count += 1
            guard count <= limit else { return nil }
            value = value << 4 | UInt64(digit)
        }
        guard count > 0 else { return nil }
        rest = rest.dropFirst(count)
        return value
    }

    /// Takes a register: 8 hexadecimal digits, not more and not less.
    mutating func register() -> UInt32? {
        let start = rest
        guard let value = hexadecimal(digits: 8), rest.startIndex - start.startIndex == 8 else {
            rest = start
            return nil
        }
        return UInt32(value)
    }

    /// Takes a decimal number below 2^31.
    mutating func decimal() -> Int? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...9).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Whether a word stands somewhere in what has not been read; if so, what follows it comes next.
    mutating func skip(past word: String) -> Bool {
        let word = Array(word.utf8)
        var search = rest
        while let start = search.firstIndex(of: word[0]) {
            search = search[start...]
            if search.starts(with: word) {
                rest = search.dropFirst(word.count)
                return true
            }
            search = search.dropFirst()
        }
        return false
    }
}

/// The lines of a text, in order, without copying it.
struct TextLines: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>
    private var number = 0

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next() -> TextLine? {
        guard !rest.isEmpty else { return nil }
        number += 1
        let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
        defer { rest = rest[end...].dropFirst() }
        return TextLine(rest[..<end], number: number)
    }
}

/// The value of a hexadecimal digit of either case; nil when it is none.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// The number that a string writes as `0x` and hexadecimal digits, or in decimal; nil when it is none or too large.
func number<T: FixedWidthInteger & UnsignedInteger>(_ text: String) -> T? {
    // The initialiser of the standard library takes signs, which no format here has.
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
    if text.hasPrefix("0x") || text.hasPrefix("0X") {
        let digits = text.dropFirst(2)
        guard digits.utf8.first.flatMap(hexadecimalDigit) != nil else { return nil }
        return T(digits, radix: 16)
    }
    return T(text, radix: 10)
}
