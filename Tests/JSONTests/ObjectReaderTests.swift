// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

/// The messages are what a person sees who got a parameter wrong, so they are tested to the letter.
@Suite("Object reader")
struct ObjectReaderTests {
    private func reader(_ text: String) throws -> ObjectReader {
        ObjectReader(try #require(try JSONValue(parsing: text).objectValue), path: "params")
    }

    private func message(_ text: String, _ body: (inout ObjectReader) throws -> Void) throws -> String? {
        var reader = try reader(text)
        return #expect(throws: JSONShapeError.self) { try body(&reader) }?.description
    }

    enum Policy: String, CaseIterable { case fail, drop, accept }

    struct Cores: JSONReadable, Equatable {
        var cores: Int64
        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            cores = try reader.integer("cores", in: 1...64)
        }
    }

    @Test("Every type is read")
    func reads() throws {
        var reader = try reader(
            #"""
            {"s":"x","i":3,"b":true,"o":{"cores":2},"a":[1],"e":"drop","h":"0x8000000D","q":"0xffffffffffffffff","p":9,
             "c":{"cores":4},"l":[{"cores":5},{"cores":6}],"w":["u","v"],"n":0.5}
            """#)
        #expect(try reader.string("s") == "x")
        #expect(try reader.integer("i", in: 0...3) == 3)
        #expect(try reader.bool("b", default: false))
        var nested = try reader.object("o")
        #expect(try nested.integer("cores") == 2)
        try nested.finish()
        #expect(try reader.array("a") == [1])
        #expect(try reader.enumeration("e", default: Policy.fail) == .drop)
        #expect(try reader.hex32("h") == 0x8000_000D)
        #expect(try reader.hex64("q") == .max)
        #expect(try reader.hex32("p") == 9)
        #expect(try reader.read("c", as: Cores.self).cores == 4)
        #expect(try reader.readArray("l", of: Cores.self).map(\.cores) == [5, 6])
        #expect(try reader.optionalStrings("w") == ["u", "v"])
        #expect(try reader.optionalNumber("n") == 0.5)
        try reader.finish()
    }

    @Test("What is left out or null is nil or the default", arguments: ["{}", #"{"x":null}"#])
    func leftOut(text: String) throws {
        var reader = try reader(text)
        #expect(try reader.optionalString("x") == nil)
        #expect(try reader.optionalInteger("x", in: 1...2) == nil)
        #expect(try reader.optionalBool("x") == nil)
        #expect(try reader.bool("x", default: true))
        #expect(try reader.optionalObject("x") == nil)
        #expect(try reader.optionalArray("x") == nil)
        #expect(try reader.optionalHex32("x") == nil)
        #expect(try reader.optionalHex64("x") == nil)
        #expect(try reader.optionalNumber("x") == nil)
        #expect(try reader.optionalIntegers("x") == nil)
        #expect(try reader.optionalRead("x", as: Cores.self) == nil)
        #expect(try reader.enumeration("x", default: Policy.accept) == .accept)
        #expect(!reader.has("x"))
        try reader.finish()
    }

    @Test("A member that must be there is missing or null")
    func missing() throws {
        #expect(try message("{}") { _ = try $0.string("name") } == "params.name is missing; it must be a string")
        #expect(
            try message(#"{"name":null}"#) { _ = try $0.string("name") } == "params.name must be a string, not null")
        #expect(
            try message("{}") { _ = try $0.enumeration("e", as: Policy.self) }
                == #"params.e is missing; it must be "fail", "drop" or "accept""#)
        #expect(
            try message("{}") { _ = try $0.hex32("leaf") }
                == #"params.leaf is missing; it must be a hexadecimal string such as "0x80000008" or a non-negative integer"#
        )
    }

    @Test("A member of another type")
    func wrongType() throws {
        #expect(try message(#"{"x":1}"#) { _ = try $0.string("x") } == "params.x must be a string, not an integer")
        #expect(
            try message(#"{"x":"1"}"#) { _ = try $0.integer("x", in: 0...9) }
                == "params.x must be an integer, not a string")
        #expect(
            try message(#"{"x":1.0}"#) { _ = try $0.integer("x") }
                == "params.x must be an integer, not a number that is no 64-bit integer")
        #expect(
            try message(#"{"x":[]}"#) { _ = try $0.bool("x", default: true) }
                == "params.x must be a boolean, not an array")
        #expect(try message(#"{"x":true}"#) { _ = try $0.object("x") } == "params.x must be an object, not a boolean")
        #expect(try message(#"{"x":{}}"#) { _ = try $0.array("x") } == "params.x must be an array, not an object")
        #expect(
            try message(#"{"x":3}"#) { _ = try $0.enumeration("x", default: Policy.fail) }
                == #"params.x must be "fail", "drop" or "accept", not an integer"#)
    }

    @Test("A value out of its range")
    func outOfRange() throws {
        #expect(
            try message(#"{"x":65}"#) { _ = try $0.integer("x", in: 1...64) } == "params.x must be from 1 to 64, not 65"
        )
        #expect(
            try message(#"{"x":-1}"#) { _ = try $0.integer("x", in: 0 ... .max) }
                == "params.x must be 0 or more, not -1")
        #expect(
            try message(#"{"x":"frop"}"#) { _ = try $0.enumeration("x", default: Policy.fail) }
                == #"params.x must be "fail", "drop" or "accept", not "frop""#)
        #expect(try message(#"{"x":"0x100000000"}"#) { _ = try $0.hex32("x") } == "params.x must fit 32 bits")
    }

    @Test(
        "What is no hexadecimal string",
        arguments: ["", "0x", "12", "0X1", "0x1g", "0x-1", "0x 1", "0x00000000000000001", "0x1\u{301}"])
    func hexadecimal(text: String) throws {
        var reader = ObjectReader(["x": .string(text)], path: "p")
        #expect(throws: JSONShapeError.self) { try reader.hex64("x") }
    }

    @Test("Elements are named by their index")
    func elements() throws {
        #expect(
            try message(#"{"ids":[1,"2"]}"#) { _ = try $0.optionalIntegers("ids") }
                == "params.ids[1] must be an integer, not a string")
        #expect(
            try message(#"{"ids":[1,2,-3]}"#) { _ = try $0.optionalIntegers("ids", in: 0 ... .max) }
                == "params.ids[2] must be 0 or more, not -3")
        #expect(
            try message(#"{"l":[{"cores":1},{"cores":0}]}"#) { _ = try $0.readArray("l", of: Cores.self) }
                == "params.l[1].cores must be from 1 to 64, not 0")
        #expect(
            try message(#"{"l":[{"cores":1,"threads":1}]}"#) { _ = try $0.readArray("l", of: Cores.self) }
                == #"params.l[0].threads is not a known member; known are "cores""#)
        #expect(
            try message(#"{"l":[7]}"#) { _ = try $0.readArray("l", of: Cores.self) }
                == "params.l[0] must be an object, not an integer")
    }

    @Test("A member that nobody asked for")
    func unknown() throws {
        #expect(
            try message(#"{"name":"a","modle":"b"}"#) { reader in
                _ = try reader.string("name")
                _ = try reader.optionalString("model")
                try reader.finish()
            } == #"params.modle is not a known member; did you mean "model"?"#)
        #expect(
            try message(#"{"zzzzz":1}"#) { reader in
                _ = try reader.optionalString("name")
                _ = try reader.optionalString("model")
                try reader.finish()
            } == #"params.zzzzz is not a known member; known are "model" and "name""#)
        #expect(try message(#"{"x":1}"#) { try $0.finish() } == "params.x is not a known member; there are none")
        #expect(
            try message(#"{"t":{"core":1}}"#) { _ = try $0.optionalRead("t", as: Cores.self) }
                == "params.t.cores is missing; it must be an integer")
    }

    @Test("A name that is no plain word is quoted in the path, and cut when long")
    func oddNames() throws {
        #expect(
            try message(#"{"a\nb":1}"#) { try $0.finish() } == #"params["a\nb"] is not a known member; there are none"#)
        let long = String(repeating: "x", count: 1000)
        #expect(
            try message(#"{"\#(long)":1}"#) { try $0.finish() }
                == #"params["\#(long.prefix(64))..."] is not a known member; there are none"#)
    }

    @Test("Without a path the text as a whole is meant")
    func noPath() throws {
        var reader = ObjectReader(["x": 1], path: "")
        #expect(throws: JSONShapeError(path: "x", message: "must be a string, not an integer")) {
            try reader.string("x")
        }
        #expect(JSONShapeError(path: "", message: "must be an object").description == "the text must be an object")
        #expect(throws: JSONShapeError(path: "params", message: "must be an object, not an array")) {
            try Cores(reading: [] as JSONValue, path: "params")
        }
    }

    @Test("The names a decoder knows can be learned from an empty object")
    func askedKeys() throws {
        var reader = ObjectReader([:], path: "")
        _ = try reader.optionalString("a")
        _ = try reader.optionalInteger("b")
        _ = try reader.optionalString("a")
        #expect(reader.askedKeys == ["a", "b"])
    }

    @Test("An object used as a map may have any number of members")
    func map() throws {
        let names = (0..<50_000).map { "0x\(String($0, radix: 16))" }
        var reader = ObjectReader(JSONObject(names.map { (key: $0, value: 1) }), path: "")
        let time = try ContinuousClock().measure {
            for name in reader.object.keys { _ = try reader.hex64(name) }
            try reader.finish()
        }
        // Looking through the names asked for before would take minutes.
        #expect(time < .seconds(60))
    }
}
