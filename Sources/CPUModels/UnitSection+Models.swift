// SPDX-License-Identifier: Apache-2.0

internal import UnitSyntax

extension UnitSection {
    /// Makes sure that keys which have one value are given once: a model has no drop-ins to override it.
    func refuseRepetition(of keys: some Sequence<String>) throws(UnitSyntaxError) {
        for key in keys {
            guard let first = assignments.first(where: { $0.key == key }) else { continue }
            if let again = last(key), again != first {
                throw again.error("is given in line \(first.location.line) already")
            }
        }
    }
}

extension UnitAssignment {
    /// The value's words, separated by space and without quoting, which no name of a feature needs.
    func spacedWords() -> [String] {
        value.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map { String(Substring($0)) }
    }

    /// The value as a name: letters, digits, `.`, `_`, `-`, the first a letter or digit.
    func identifier() throws(UnitSyntaxError) -> String {
        guard isIdentifier(value) else {
            throw error("must be a name of letters, digits, \".\", \"_\" and \"-\", not \"\(value)\"")
        }
        return value
    }
}

/// Whether a word may name a model: 1 to 64 letters, digits, `.`, `_`, `-`, the first a letter or digit.
func isIdentifier(_ word: String) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
    guard let first = word.utf8.first, word.utf8.count <= 64, isAlphanumeric(first) else { return false }
    return word.utf8.allSatisfy { isAlphanumeric($0) || ".-_".utf8.contains($0) }
}
