// SPDX-License-Identifier: Apache-2.0

/// A word from a text we do not trust, fit for a message: in quotes, on one line, cut when long.
func quoted(_ word: String) -> String {
    let limit = 64
    let shown = String(
        decoding: JSONValue.string(String(word.unicodeScalars.prefix(limit))).serialized(), as: UTF8.self)
    return word.unicodeScalars.count > limit ? "\(shown.dropLast())...\"" : shown
}

/// Words for a message, in quotes: `"fail"`, `"fail" or "drop"`, `"a", "b" or "c"`. Of very many, only the first.
func listed(_ words: [String], _ conjunction: String) -> String {
    let limit = 32
    guard words.count <= limit else { return words.prefix(limit).map(quoted).joined(separator: ", ") + ", ..." }
    let words = words.map(quoted)
    guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
    return "\(words.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
}

/// The path of a member of the object at a path.
func memberPath(_ path: String, _ key: String) -> String {
    let isPlain = !key.isEmpty && key.utf8.count <= 64 && key.utf8.allSatisfy(isIdentifierByte)
    if !isPlain { return "\(path)[\(quoted(key))]" }
    return path.isEmpty ? key : "\(path).\(key)"
}

private func isIdentifierByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
