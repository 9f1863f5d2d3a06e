// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@Suite("Writer")
struct JSONWriterTests {
    private func text(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("Commas come by themselves")
    func commas() {
        let text = text { writer in
            writer.beginObject()
            writer.key("a")
            writer.beginArray()
            writer.endArray()
            writer.key("b")
            writer.beginArray()
            writer.null()
            writer.bool(true)
            writer.beginObject()
            writer.endObject()
            writer.beginObject()
            writer.key("c")
            writer.bool(false)
            writer.endObject()
            writer.raw(#"{"raw":[1]}"#.utf8)
            writer.integer(7)
            writer.endArray()
            writer.key("d")
            writer.string("e")
            writer.endObject()
        }
        #expect(text == #"{"a":[],"b":[null,true,{},{"c":false},{"raw":[1]},7],"d":"e"}"#)
    }

    @Test("Closures open and close")
    func closures() {
        let text = text { writer in
            writer.object { writer in
                writer.member("vm", "web-1")
                writer.object("topology") { $0.member("cores", 4) }
                writer.array("ids") { writer in
                    for id in 0..<3 { writer.integer(id) }
                }
                writer.array("none") { _ in }
                writer.member("number") { $0.number(0.5) }
            }
        }
        #expect(text == #"{"vm":"web-1","topology":{"cores":4},"ids":[0,1,2],"none":[],"number":0.5}"#)
    }

    @Test("A closure's error comes through")
    func closureThrows() {
        struct Fault: Error, Equatable {}
        var writer = JSONWriter()
        #expect(throws: Fault()) {
            try writer.object { (_) throws(Fault) in throw Fault() }
        }
    }

    @Test("Members of every type")
    func members() {
        let missing: String? = nil
        let text = text { writer in
            writer.object { writer in
                writer.member("s", "x")
                writer.member("i", -3)
                writer.member("u", UInt64.max)
                writer.member("b", true)
                writer.member("d", 1.5)
                writer.member("n", missing)
                writer.member("v", nil)
                writer.member("l", [1, 2])
                writer.member("j", ["k": 1] as JSONValue)
                writer.member("h", hex32: 0xD)
                writer.member("q", hex: 0x345)
                writer.member("w", hex: 0x345, width: 4)
            }
        }
        #expect(
            text
                == #"{"s":"x","i":-3,"u":18446744073709551615,"b":true,"d":1.5,"n":null,"v":null,"l":[1,2],"#
                + #""j":{"k":1},"h":"0x0000000d","q":"0x345","w":"0x0345"}"#)
    }

    @Test(
        "Hexadecimal",
        arguments: [
            (0, 1, "0x0"), (0xF, 1, "0xf"), (0x10, 1, "0x10"), (0x8000_0008, 8, "0x80000008"), (0, 8, "0x00000000"),
            (.max, 1, "0xffffffffffffffff"), (1, 16, "0x0000000000000001"), (1, 99, "0x0000000000000001"),
            (0, 0, "0x0"),
        ] as [(UInt64, Int, String)])
    func hexadecimal(value: UInt64, width: Int, expected: String) {
        #expect(text { $0.hex(value, width: width) } == "\"\(expected)\"")
    }

    @Test("Integers", arguments: [0, 9, 10, -1, 99, 100, Int64.max, Int64.min, 1_000_000_000_000_000_000])
    func integers(value: Int64) {
        #expect(text { $0.integer(value) } == String(value))
    }

    @Test("Integers beyond 64 bits")
    func wideIntegers() {
        #expect(text { $0.integer(UInt64.max) } == "18446744073709551615")
        #expect(text { $0.integer(Int128.min) } == "-170141183460469231731687303715884105728")
    }

    @Test("What is no number is null", arguments: [Double.nan, .infinity, -.infinity])
    func notANumber(value: Double) {
        #expect(text { $0.number(value) } == "null")
    }

    @Test(
        "Escapes where they must be and nowhere else",
        arguments: [
            ("", #""""#), ("a/b", #""a/b""#), ("\"\\", #""\"\\""#), ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
            ("\u{0}\u{1F}\u{B}", #""\u0000\u001f\u000b""#),
            ("\u{7F}é\u{2028}😀", "\"\u{7F}é\u{2028}😀\""),
        ])
    func escapes(string: String, expected: String) {
        #expect(text { $0.string(string) } == expected)
    }

    @Test("Pretty")
    func pretty() {
        let value: JSONValue = ["a": [], "b": [1, ["c": nil]], "d": [:]]
        let text = String(decoding: value.serialized(pretty: true), as: UTF8.self)
        #expect(
            text == """
                {
                  "a": [],
                  "b": [
                    1,
                    {
                      "c": null
                    }
                  ],
                  "d": {}
                }
                """)
    }

    @Test("Lines follow each other, and what was taken is gone")
    func lines() {
        var writer = JSONWriter()
        writer.integer(1)
        writer.endLine()
        writer.array { $0.integer(2) }
        writer.endLine()
        #expect(writer.take() == Array("1\n[2]\n".utf8))
        writer.integer(3)
        #expect(writer.bytes == Array("3".utf8))
        writer.removeAll()
        writer.integer(4)
        #expect(writer.bytes == Array("4".utf8))
    }
}
