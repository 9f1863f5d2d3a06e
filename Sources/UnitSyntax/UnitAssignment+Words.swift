// SPDX-License-Identifier: Apache-2.0

extension UnitAssignment {
    /// The value as words with space between them, by the rules of systemd.syntax(7), "Quoting": a word may stand in
    /// `"..."` or `'...'`, and C-style escapes are understood everywhere.
    public func words() throws(UnitSyntaxError) -> [String] {
        var splitter = WordSplitter(assignment: self)
        return try splitter.words()
    }
}

private struct WordSplitter {
    private let assignment: UnitAssignment
    private var rest: ArraySlice<UInt8>

    init(assignment: UnitAssignment) {
        self.assignment = assignment
        rest = Array(assignment.value.utf8)[...]
    }

    mutating func words() throws(UnitSyntaxError) -> [String] {
        var words: [String] = []
        skipSpace()
        while let first = rest.first {
            let bytes =
                if isQuote(first) {
                    try quotedWord(first)
                } else {
                    try plainWord()
                }
            words.append(try word(bytes))
            skipSpace()
        }
        return words
    }

    /// Reads a word up to the space behind it.
    private mutating func plainWord() throws(UnitSyntaxError) -> [UInt8] {
        var word: [UInt8] = []
        while let byte = rest.first, !isSpace(byte) {
            guard !isQuote(byte) else {
                throw assignment.error("has a quote within a word; quotes go around a whole word, or are escaped")
            }
            try takeByte(into: &word)
        }
        return word
    }

    /// Reads a word in quotes.
    private mutating func quotedWord(_ quote: UInt8) throws(UnitSyntaxError) -> [UInt8] {
        rest.removeFirst()
        var word: [UInt8] = []
        while rest.first != quote {
            guard !rest.isEmpty else { throw assignment.error("has a quote that is not closed") }
            try takeByte(into: &word)
        }
        rest.removeFirst()
        guard rest.first.map(isSpace) ?? true else {
            throw assignment.error("has no space behind a closing quote")
        }
        return word
    }

    private mutating func takeByte(into word: inout [UInt8]) throws(UnitSyntaxError) {
        let byte = rest.removeFirst()
        if byte == UInt8(ascii: "\\") {
            try takeEscape(into: &word)
        } else {
            word.append(byte)
        }
    }

    /// Reads what follows a backslash.
    private mutating func takeEscape(into word: inout [UInt8]) throws(UnitSyntaxError) {
        guard let letter = rest.first else { throw assignment.error("ends in a backslash that escapes nothing") }
        switch letter {
        case UInt8(ascii: "0")...UInt8(ascii: "7"): try takeCode(3, radix: 8, into: &word)
        case UInt8(ascii: "x"):
            rest.removeFirst()
            try takeCode(2, radix: 16, into: &word)
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            rest.removeFirst()
            let code = try takeNumber(letter == UInt8(ascii: "u") ? 4 : 8, radix: 16)
            guard let scalar = Unicode.Scalar(code), code != 0 else { throw notACharacter() }
            word.append(contentsOf: String(Character(scalar)).utf8)
        default:
            guard let character = simpleEscape(letter) else {
                throw assignment.error("has an unknown escape; write a backslash as \"\\\\\"")
            }
            rest.removeFirst()
            word.append(character)
        }
    }

    private mutating func takeCode(_ digits: Int, radix: Int, into word: inout [UInt8]) throws(UnitSyntaxError) {
        guard let byte = UInt8(exactly: try takeNumber(digits, radix: radix)), byte != 0 else { throw notACharacter() }
        word.append(byte)
    }

    /// Reads a number of exactly so many digits.
    private mutating func takeNumber(_ digits: Int, radix: Int) throws(UnitSyntaxError) -> UInt32 {
        let text = rest.prefix(digits)
        // `UInt32(_:radix:)` alone would take a sign.
        guard text.count == digits, text.allSatisfy(isHexadecimalDigit),
            let number = UInt32(String(decoding: text, as: UTF8.self), radix: radix)
        else { throw assignment.error("has a numeric escape of less than \(digits) digits") }
        rest.removeFirst(digits)
        return number
    }

    private func notACharacter() -> UnitSyntaxError {
        assignment.error("has a numeric escape that is no character")
    }

    private func word(_ bytes: [UInt8]) throws(UnitSyntaxError) -> String {
        guard let word = String(validating: bytes, as: UTF8.self) else {
            throw assignment.error("has escapes that make no UTF-8")
        }
        return word
    }

    private mutating func skipSpace() {
        rest = rest.drop(while: isSpace)
    }
}

private func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}

private func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
}

private func simpleEscape(_ letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "a"): 0x07
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "v"): 0x0B
    case UInt8(ascii: "s"): 0x20
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): letter
    default: nil
    }
}
