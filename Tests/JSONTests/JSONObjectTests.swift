// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@Suite("Objects and values")
struct JSONObjectTests {
    @Test("A member set again keeps its place, in small objects and in large", arguments: [3, 16, 17, 100])
    func replace(count: Int) {
        var object = JSONObject((0..<count).map { (key: "k\($0)", value: .integer(Int64($0))) })
        object.set("new", for: "k1")
        object.set("last", for: "z")
        #expect(object.count == count + 1)
        #expect(object["k1"] == "new")
        #expect(object.keys == (0..<count).map { "k\($0)" } + ["z"])
        #expect(object["k\(count)"] == nil)
        #expect(object.map(\.key) == object.keys)
    }

    @Test("Order does not matter for equality, values and names do", arguments: [2, 40])
    func equality(count: Int) {
        let members = (0..<count).map { (key: "k\($0)", value: JSONValue.integer(Int64($0))) }
        let object = JSONObject(members)
        #expect(object == JSONObject(members.reversed()))
        #expect(object != JSONObject(members.dropLast()))
        #expect(object != JSONObject(members.dropLast() + [(key: "x", value: 1)]))
        var other = object
        other.set(nil, for: "k0")
        #expect(object != other)
    }

    @Test("Accessors give their own type and nothing else")
    func accessors() {
        let value: JSONValue = ["s": "x", "i": 7, "d": 1.5, "b": true, "a": [1], "n": nil]
        #expect(value["s"]?.stringValue == "x")
        #expect(value["i"]?.intValue == 7)
        #expect(value["i"]?.doubleValue == 7)
        #expect(value["d"]?.doubleValue == 1.5)
        #expect(value["d"]?.intValue == nil)
        #expect(value["b"]?.boolValue == true)
        #expect(value["a"]?.arrayValue == [1])
        #expect(value["n"]?.isNull == true)
        #expect(value["missing"] == nil)
        #expect(value["s"]?["x"] == nil)
        #expect(value.objectValue?.count == 6)
        #expect(value["s"]?.objectValue == nil)
    }

    @Test("The description is the text")
    func description() {
        #expect("\(["a": [1, nil, "b"]] as JSONValue)" == #"{"a":[1,null,"b"]}"#)
    }
}
