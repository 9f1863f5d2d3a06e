// SPDX-License-Identifier: Apache-2.0

import Testing
import UnitSyntax

/// The rules of systemd.syntax(7), "Quoting".
@Suite("Words")
struct UnitWordsTests {
    private func words(_ value: String) throws -> [String] {
        try UnitAssignment(key: "K", value: value, location: SourceLocation(file: "x", line: 1)).words()
    }

    @Test(
        "Words are divided by space, quotes keep them together",
        arguments: [
            ("", []), ("a", ["a"]), ("a b\t c", ["a", "b", "c"]),
            (#""something" "some thing" "...""#, ["something", "some thing", "..."]),
            ("'a b' \"c'd\" 'e\"f'", ["a b", "c'd", "e\"f"]), (#""" ''"#, ["", ""]), ("é 中", ["é", "中"]),
            ("a#b ;c", ["a#b", ";c"]),
        ] as [(String, [String])])
    func words(value: String, expected: [String]) throws {
        #expect(try words(value) == expected)
    }

    @Test(
        "Escapes",
        arguments: [
            (#"\a\b\f\n\r\t\v"#, "\u{7}\u{8}\u{C}\n\r\t\u{B}"), (#"\\ "#, "\\"), (#"\"\'"#, "\"'"), (#"a\sb"#, "a b"),
            (#""a\sb""#, "a b"), (#"\x41\x7e"#, "A~"),
            (#"\101\176"#, "A~"), (#"\u00e9"#, "é"), (#"\U0001F600"#, "😀"), (#"\xc3\xa9"#, "é"), (#"'\''"#, "'"),
        ])
    func escapes(value: String, expected: String) throws {
        #expect(try words(value) == [expected])
    }

    @Test(
        "What is against the rules",
        arguments: [
            (#""a"#, "has a quote that is not closed"), ("'", "has a quote that is not closed"),
            (#""a"b"#, "has no space behind a closing quote"),
            ("don't", "has a quote within a word; quotes go around a whole word, or are escaped"),
            (#"a\"#, "ends in a backslash that escapes nothing"),
            (#"\q"#, #"has an unknown escape; write a backslash as "\\""#),
            (#"\8"#, #"has an unknown escape; write a backslash as "\\""#),
            (#"\x4"#, "has a numeric escape of less than 2 digits"),
            (#"\x+4"#, "has a numeric escape of less than 2 digits"),
            (#"\12"#, "has a numeric escape of less than 3 digits"),
            (#"\u12"#, "has a numeric escape of less than 4 digits"),
            (#"\x00"#, "has a numeric escape that is no character"),
            (#"\400"#, "has a numeric escape that is no character"),
            (#"\000"#, "has a numeric escape that is no character"),
            (#"\ud800"#, "has a numeric escape that is no character"),
            (#"\u0000"#, "has a numeric escape that is no character"),
            (#"\U00110000"#, "has a numeric escape that is no character"), (#"\xff"#, "has escapes that make no UTF-8"),
        ])
    func errors(value: String, message: String) {
        let error = #expect(throws: UnitSyntaxError.self) { try words(value) }
        #expect(error?.description == "x:1: K= \(message)")
    }
}
