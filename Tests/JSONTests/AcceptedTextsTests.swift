// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

/// Texts that every JSON parser must accept, and what they mean: the classes of the public JSONTestSuite (`y_*`), and
/// those that it leaves open (`i_*`) and we accept.
@Suite("Accepted texts")
struct AcceptedTextsTests {
    @Test(
        "Literals, arrays and objects",
        arguments: [
            ("null", nil), ("true", true), ("false", false), (" \t\r\n null \t\r\n", nil),
            ("[]", []), ("[ ]", []), ("{}", [:]), ("{ }", [:]), ("[[]   ]", [[]]), ("[null]", [nil]), (" [1]", [1]),
            ("[2] ", [2]), ("[1\n]", [1]), ("[1,null,null,null,2]", [1, nil, nil, nil, 2]),
            (#"[null, 1, "1", {}]"#, [nil, 1, "1", [:]]), (#"["",[],{}]"#, ["", [], [:]]), ("[[[[1]]]]", [[[[1]]]]),
            (#"{"a":"b"}"#, ["a": "b"]), (#"{"":0}"#, ["": 0]), (#"{"a":[]}"#, ["a": []]),
            (#"{"asd":"sdf", "dfg":"fgh"}"#, ["asd": "sdf", "dfg": "fgh"]), ("{\n\"a\": \"b\"\n}", ["a": "b"]),
            (#"{"foo\u0000bar": 42}"#, ["foo\u{0}bar": 42]), (#"{"x":{"y":{"z":[{}]}}}"#, ["x": ["y": ["z": [[:]]]]]),
        ] as [(String, JSONValue)])
    func structure(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(
        "Integers that fit 64 bits stay exact",
        arguments: [
            ("0", 0), ("-0", 0), ("1", 1), ("-1", -1), ("-123", -123), ("9007199254740993", 9_007_199_254_740_993),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("-9223372036854775807", .min + 1),
        ] as [(String, Int64)])
    func integers(text: String, value: Int64) throws {
        #expect(try JSONValue(parsing: text) == .integer(value))
    }

    @Test(
        "Other numbers are the nearest floating point number",
        arguments: [
            ("123e65", 123e65), ("0e+1", 0), ("0e1", 0), ("-0.0", 0), ("20e1", 200), ("1E22", 1e22), ("1E-2", 0.01),
            ("1E+2", 100), ("123e45", 123e45), ("123.456e78", 123.456e78), ("1e-2", 0.01), ("1e+2", 100),
            ("123.456789", 123.456789), ("1.0", 1), ("9223372036854775808", 9_223_372_036_854_775_808),
            ("-9223372036854775809", -9_223_372_036_854_775_808), ("18446744073709551616", 18_446_744_073_709_551_616),
            ("100000000000000000000", 1e20), ("1.7976931348623157e308", 1.7976931348623157e308),
            ("-0.000000000000000000000000000000000000000000000000000000000000000000000000000001", -1e-78),
            // Too small to tell from zero: accepted as zero, as elsewhere.
            ("123e-10000000", 0), ("1e-999", 0),
        ] as [(String, Double)])
    func numbers(text: String, value: Double) throws {
        #expect(try JSONValue(parsing: text) == .number(value))
    }

    @Test("The sign of a zero with a fraction is kept")
    func negativeZero() throws {
        #expect(try JSONValue(parsing: "-0.0").doubleValue?.sign == .minus)
    }

    @Test(
        "Strings",
        arguments: [
            (#""""#, ""), (#""asd""#, "asd"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\\a""#, #"\a"#),
            (#""\\n""#, #"\n"#), (#""\"""#, "\""), (#""a/*b*/c/*d//e""#, "a/*b*/c/*d//e"),
            (#""\u0060\u012a\u12AB""#, "`\u{12A}\u{12AB}"),
            (#""\uD801\udc37""#, "\u{10437}"), (#""\ud83d\ude39\ud83d\udc8d""#, "\u{1F639}\u{1F48D}"),
            (#""\uDBFF\uDFFF""#, "\u{10FFFF}"), (#""\ud800\udc00""#, "\u{10000}"), (#""\u0000""#, "\u{0}"),
            (#""\uFFFD""#, "\u{FFFD}"),
            (#""\u0022""#, "\""), (#""\u005C""#, "\\"), (#""\u000A""#, "\n"), ("\"\u{7F}\"", "\u{7F}"),
            ("\"\u{2028}\u{2029}\"", "\u{2028}\u{2029}"),
            ("\"\u{10FFFF}\"", "\u{10FFFF}"),
            ("\"\u{FEFF}\"", "\u{FEFF}"), ("\"\u{E9}\u{4E2D}\u{1F600}\"", "\u{E9}\u{4E2D}\u{1F600}"),
            (#""\u00e9 é""#, "\u{E9} é"), (#"" ""#, " "),
        ])
    func strings(text: String, value: String) throws {
        let parsed = try #require(JSONValue(parsing: text).stringValue)
        #expect(Array(parsed.utf8) == Array(value.utf8))
    }

    @Test("Members keep their order")
    func order() throws {
        let value = try JSONValue(parsing: #"{"z":1,"a":2,"m":3}"#)
        #expect(value.objectValue?.keys == ["z", "a", "m"])
    }

    @Test("A slice of a buffer is read, with offsets from its start")
    func slice() throws {
        let buffer = Array("xx[1,2]yy".utf8)
        #expect(try JSONValue(parsing: buffer[2..<7]) == [1, 2])
        #expect(throws: JSONSyntaxError(.trailingBytes, offset: 5)) { try JSONValue(parsing: buffer[2...]) }
    }
}
