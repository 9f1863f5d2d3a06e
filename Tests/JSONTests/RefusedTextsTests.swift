// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

/// Texts that no JSON parser may accept, each with the reason and the place we give: the classes of the public
/// JSONTestSuite (`n_*`), and those that it leaves open (`i_*`) and we refuse.
@Suite("Refused texts")
struct RefusedTextsTests {
    typealias Kind = JSONSyntaxError.Kind

    /// Texts as bytes, since some are no UTF-8.
    struct Refused: CustomTestStringConvertible, Sendable {
        let bytes: [UInt8]
        let kind: Kind
        let offset: Int

        init(_ text: String, _ kind: Kind, _ offset: Int) {
            self.init(bytes: Array(text.utf8), kind, offset)
        }

        init(bytes: [UInt8], _ kind: Kind, _ offset: Int) {
            (self.bytes, self.kind, self.offset) = (bytes, kind, offset)
        }

        var testDescription: String { String(decoding: bytes, as: UTF8.self) }
    }

    private static func found(_ character: Character, _ expected: String) -> Kind {
        .unexpectedByte(character.asciiValue ?? 0, expected: expected)
    }

    private func expectRefusal(_ refused: Refused) {
        #expect(throws: JSONSyntaxError(refused.kind, offset: refused.offset)) {
            try JSONValue(parsing: refused.bytes)
        }
    }

    @Test(
        "Texts that are no single value",
        arguments: [
            Refused("", .unexpectedEnd(expected: "a value"), 0),
            Refused(" ", .unexpectedEnd(expected: "a value"), 1),
            Refused("[1]x", .trailingBytes, 3), Refused("[][]", .trailingBytes, 2), Refused("1]", .trailingBytes, 1),
            Refused("{}}", .trailingBytes, 2), Refused("{}#", .trailingBytes, 2), Refused("1 2", .trailingBytes, 2),
            Refused(#"{"a":"b"}//"#, .trailingBytes, 9), Refused("[1]\u{0}", .trailingBytes, 3),
            Refused("<.>", found("<", "a value"), 0), Refused("*", found("*", "a value"), 0),
            Refused("/* c */1", found("/", "a value"), 0),
            Refused("\u{C}1", .unexpectedByte(0x0C, expected: "a value"), 0),
            Refused("\u{A0}1", .unexpectedByte(0xC2, expected: "a value"), 0),
            Refused("é", .unexpectedByte(0xC3, expected: "a value"), 0),
            Refused("\u{FEFF}1", .byteOrderMark, 0), Refused("\u{FEFF}", .byteOrderMark, 0),
            Refused(bytes: [0xFF, 0xFE, 0x31, 0], .unexpectedByte(0xFF, expected: "a value"), 0),
            Refused(bytes: [0x31, 0x00], .trailingBytes, 1),
            Refused(bytes: [0xEF, 0xBB], .unexpectedByte(0xEF, expected: "a value"), 0),
        ])
    func single(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Literals",
        arguments: [
            Refused("nul", .unexpectedEnd(expected: "'null'"), 3), Refused("nulL", found("L", "'null'"), 3),
            Refused("tru", .unexpectedEnd(expected: "'true'"), 3), Refused("fals ", found(" ", "'false'"), 4),
            Refused("True", found("T", "a value"), 0), Refused("truefalse", .trailingBytes, 4),
            Refused("nan", found("a", "'null'"), 1), Refused("NaN", found("N", "a value"), 0),
            Refused("Infinity", found("I", "a value"), 0), Refused("undefined", found("u", "a value"), 0),
        ])
    func literals(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Arrays",
        arguments: [
            Refused("[", .unexpectedEnd(expected: "a value"), 1),
            Refused("[1", .unexpectedEnd(expected: "',' or ']'"), 2),
            Refused("[1,", .unexpectedEnd(expected: "a value"), 3), Refused("[1,]", found("]", "a value"), 3),
            Refused("[,1]", found(",", "a value"), 1), Refused("[1,,2]", found(",", "a value"), 3),
            Refused("[,]", found(",", "a value"), 1), Refused("[1 true]", found("t", "',' or ']'"), 3),
            Refused("[3[4]]", found("[", "',' or ']'"), 2), Refused("[1:2]", found(":", "',' or ']'"), 2),
            Refused("]", found("]", "a value"), 0), Refused("[1}", found("}", "',' or ']'"), 2),
            Refused("[*]", found("*", "a value"), 1), Refused("['a']", found("'", "a value"), 1),
            Refused("[\u{B}]", .unexpectedByte(0x0B, expected: "a value"), 1),
            Refused("[\"\",", .unexpectedEnd(expected: "a value"), 4),
            Refused("[1,\n1\n,1", .unexpectedEnd(expected: "',' or ']'"), 8),
        ])
    func arrays(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Objects",
        arguments: [
            Refused("{", .unexpectedEnd(expected: "a member name or '}'"), 1),
            Refused(#"{"a""#, .unexpectedEnd(expected: "':'"), 4),
            Refused(#"{"a":"#, .unexpectedEnd(expected: "a value"), 5),
            Refused(#"{"a":1"#, .unexpectedEnd(expected: "',' or '}'"), 6),
            Refused(#"{"a":1,"#, .unexpectedEnd(expected: "a member name"), 7),
            Refused(#"{"a":1,}"#, found("}", "a member name"), 7),
            Refused("{,}", found(",", "a member name or '}'"), 1),
            Refused("{1:1}", found("1", "a member name or '}'"), 1),
            Refused("{a:1}", found("a", "a member name or '}'"), 1),
            Refused("{'a':1}", found("'", "a member name or '}'"), 1),
            Refused("{null:1}", found("n", "a member name or '}'"), 1), Refused(#"{"a" 1}"#, found("1", "':'"), 5),
            Refused(#"{"a","b"}"#, found(",", "':'"), 4), Refused(#"{"a"::1}"#, found(":", "a value"), 5),
            Refused(#"{"a":1 "b":2}"#, found("\"", "',' or '}'"), 7),
            Refused(#"{"a":1,,"b":2}"#, found(",", "a member name"), 7),
            Refused(#"{"a":1]"#, found("]", "',' or '}'"), 6), Refused(#"{"a":"a" 123}"#, found("1", "',' or '}'"), 9),
            Refused(#"{"a":}"#, found("}", "a value"), 5),
            Refused(#"{"a":1,"a":1}"#, .duplicateKey("a"), 7), Refused(#"{"a":1,"\u0061":2}"#, .duplicateKey("a"), 7),
            Refused(#"{"":1,"":2}"#, .duplicateKey(""), 6), Refused(#"{"x":{"k":1,"k":2}}"#, .duplicateKey("k"), 12),
        ])
    func objects(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Numbers",
        arguments: [
            Refused("-", .unexpectedEnd(expected: "a digit"), 1), Refused("+1", found("+", "a value"), 0),
            Refused("--1", found("-", "a digit"), 1),
            Refused("-a", found("a", "a digit"), 1), Refused("- 1", found(" ", "a digit"), 1),
            Refused("-Infinity", found("I", "a digit"), 1),
            Refused("01", .leadingZero, 0), Refused("-01", .leadingZero, 1), Refused("00", .leadingZero, 0),
            Refused("-012.3", .leadingZero, 1),
            Refused("1.", .unexpectedEnd(expected: "a digit"), 2), Refused(".5", found(".", "a value"), 0),
            Refused("-.5", found(".", "a digit"), 1),
            Refused("1.e1", found("e", "a digit"), 2), Refused("0.1.2", .trailingBytes, 3),
            Refused("1e", .unexpectedEnd(expected: "a digit"), 2),
            Refused("1e+", .unexpectedEnd(expected: "a digit"), 3), Refused("1e+-1", found("-", "a digit"), 3),
            Refused("1eE2", found("E", "a digit"), 2),
            Refused("1e1.5", .trailingBytes, 3), Refused("0x1F", .trailingBytes, 1),
            Refused("1_000", .trailingBytes, 1), Refused("1a", .trailingBytes, 1),
            Refused("[1 000]", found("0", "',' or ']'"), 3), Refused("[1+2]", found("+", "',' or ']'"), 2),
            Refused("[-2.]", found("]", "a digit"), 4),
            Refused("1\u{661}", .trailingBytes, 1), Refused("\u{FF11}", .unexpectedByte(0xEF, expected: "a value"), 0),
            Refused("1e999", .numberOutOfRange, 0), Refused("[-1e309]", .numberOutOfRange, 1),
            Refused("123123e100000", .numberOutOfRange, 0),
            Refused("0.4e00669999999999999999999999999999999999999", .numberOutOfRange, 0),
            Refused("1" + String(repeating: "0", count: 400), .numberOutOfRange, 0),
        ])
    func numbers(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Strings",
        arguments: [
            Refused("\"", .unexpectedEnd(expected: "the closing quote of a string"), 1),
            Refused("\"abc", .unexpectedEnd(expected: "the closing quote of a string"), 4),
            Refused(#""abc\"#, .unexpectedEnd(expected: "the closing quote of a string"), 5),
            Refused(#""\""#, .unexpectedEnd(expected: "the closing quote of a string"), 3),
            Refused("\"a\nb\"", .controlCharacter(0x0A), 2), Refused("\"a\tb\"", .controlCharacter(0x09), 2),
            Refused("\"\u{0}\"", .controlCharacter(0), 1),
            Refused("\"\u{1F}\"", .controlCharacter(0x1F), 1), Refused(#""a\x00""#, .invalidEscape, 2),
            Refused(#""\a""#, .invalidEscape, 1),
            Refused(#""\'""#, .invalidEscape, 1), Refused(#""\U0041""#, .invalidEscape, 1),
            Refused(#""\u""#, .invalidEscape, 1), Refused(#""\u00A""#, .invalidEscape, 1),
            Refused(#""\u00G0""#, .invalidEscape, 1), Refused(#""\u+041""#, .invalidEscape, 1),
            Refused(#""\ ""#, .invalidEscape, 1), Refused("\"\\é\"", .invalidEscape, 1),
            Refused("\"\\\n\"", .invalidEscape, 1), Refused(#""ab\q""#, .invalidEscape, 3),
        ])
    func strings(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Halves of surrogate pairs",
        arguments: [
            Refused(#""\ud800""#, .loneSurrogate, 1), Refused(#""\udc00""#, .loneSurrogate, 1),
            Refused(#""x\uD834abc""#, .loneSurrogate, 2),
            Refused(#""\ud800\n""#, .loneSurrogate, 1), Refused(#""\ud800\u0041""#, .loneSurrogate, 1),
            Refused(#""\ud800\ud800""#, .loneSurrogate, 1),
            Refused(#""\uDd1e\uD834""#, .loneSurrogate, 1), Refused(#""\uD800\u1""#, .loneSurrogate, 1),
            Refused(#""\uD800\u1x""#, .loneSurrogate, 1),
        ])
    func surrogates(refused: Refused) { expectRefusal(refused) }

    @Test(
        "Bytes that are no UTF-8",
        arguments: [
            [0xFF], [0xFE], [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0x81], [0xC3], [0xE9], [0xE5, 0xC3], [0xE2, 0x82],
            [0xE0, 0x80, 0xAF],
            [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xFC, 0x83, 0xBF, 0xBF, 0xBF, 0xBF],
        ] as [[UInt8]])
    func utf8(sequence: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        for prefix in ["", "abc", "é", #"\n"#] {
            // Behind the sequence a letter, then nothing, then an escape: the offset is that of the sequence in all.
            for suffix in ["x", "", #"\u0041"#] {
                let bytes = [quote] + prefix.utf8 + sequence + suffix.utf8 + [quote]
                #expect(throws: JSONSyntaxError(.invalidUTF8, offset: 1 + prefix.utf8.count)) {
                    try JSONValue(parsing: bytes)
                }
            }
        }
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: sequence) }
    }

    @Test(
        "The message names the fault and the place",
        arguments: [
            ("[1", "the text ends where ',' or ']' is expected, at byte 2"),
            ("[1 2]", "',' or ']' is expected, not '2', at byte 3"),
            ("[\u{1}]", "a value is expected, not byte 0x01, at byte 1"),
            (#"{"a":1,"a":2}"#, #"the object has two members of the name "a", at byte 7"#),
            ("\"\u{1B}\"", "the string contains the control character byte 0x1b unescaped, at byte 1"),
            ("1e999", "the number is too large for a 64-bit floating point number, at byte 0"),
        ])
    func messages(text: String, message: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
        #expect(error?.description == message)
    }
}
