// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

/// Texts made to exhaust the reader. What is bounded must stay bounded whatever the sender does.
@Suite("Hostile texts")
struct HostileTextsTests {
    @Test("Nesting is accepted up to the limit and refused beyond, for any mixture of brackets")
    func depth() throws {
        let limits = JSONLimits(maxDepth: 8)
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let deepest = String(repeating: open, count: 8) + "1" + String(repeating: close, count: 8)
            #expect(throws: Never.self) { try JSONValue(parsing: deepest, limits: limits) }
            let tooDeep = String(repeating: open, count: 9) + "1" + String(repeating: close, count: 9)
            #expect(throws: JSONSyntaxError(.tooDeep(limit: 8), offset: 8 * open.utf8.count)) {
                try JSONValue(parsing: tooDeep, limits: limits)
            }
        }
    }

    @Test("A million brackets are refused at the default depth, and no limit lets them through")
    func deepNesting() {
        let text = String(repeating: "[", count: 1 << 20)
        #expect(throws: JSONSyntaxError(.tooDeep(limit: 64), offset: 64)) { try JSONValue(parsing: text) }
        #expect(throws: JSONSyntaxError(.tooDeep(limit: JSONLimits.depthCeiling), offset: JSONLimits.depthCeiling)) {
            try JSONValue(parsing: text, limits: JSONLimits(maxDepth: .max))
        }
    }

    @Test("The depth ceiling itself can be read, written, compared and given up")
    func depthCeiling() throws {
        let depth = JSONLimits.depthCeiling
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let value = try JSONValue(parsing: text, limits: JSONLimits(maxDepth: .max))
        #expect(value == value)
        #expect(value.serialized() == Array(text.utf8))
    }

    @Test("Size is refused before anything is read")
    func size() {
        let limits = JSONLimits(maxBytes: 4)
        #expect(throws: Never.self) { try JSONValue(parsing: "[12]", limits: limits) }
        #expect(throws: JSONSyntaxError(.tooLarge(limit: 4), offset: 4)) {
            try JSONValue(parsing: "x[12]", limits: limits)
        }
    }

    @Test("Members are counted over the whole text")
    func members() {
        let limits = JSONLimits(maxMembers: 4)
        #expect(throws: Never.self) { try JSONValue(parsing: #"[[1],{"a":2}]"#, limits: limits) }
        #expect(throws: JSONSyntaxError(.tooManyMembers(limit: 4), offset: 13)) {
            try JSONValue(parsing: #"[[1],{"a":2},3]"#, limits: limits)
        }
    }

    @Test("Many different names are read in time linear in their number")
    func manyNames() throws {
        let count = 50_000
        let text = "{" + (0..<count).map { #""k\#($0)":\#($0)"# }.joined(separator: ",") + "}"
        let clock = ContinuousClock()
        var value: JSONValue?
        let time = try clock.measure { value = try JSONValue(parsing: text) }
        #expect(value?.objectValue?.count == count)
        #expect(value?["k49999"] == 49_999)
        // Pairs compared one by one would take minutes.
        #expect(time < .seconds(60))
    }

    @Test("A name given twice is found however many stand between", arguments: [1, 15, 16, 17, 18, 1000])
    func farDuplicate(between: Int) {
        let names = ["a"] + (0..<between).map { "k\($0)" } + ["a"]
        let text = "{" + names.map { #""\#($0)":0"# }.joined(separator: ",") + "}"
        let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
        #expect(error?.kind == .duplicateKey("a"))
    }

    @Test("Names that differ in spelling only, and mean one accented letter, are different names", arguments: [0, 20])
    func canonicalEquivalents(others: Int) throws {
        let names = ["\u{E9}", "e\u{301}"] + (0..<others).map { "k\($0)" }
        let text = "{" + names.enumerated().map { #""\#($1)":\#($0)"# }.joined(separator: ",") + "}"
        let value = try JSONValue(parsing: text)
        #expect(value["\u{E9}"] == 0)
        #expect(value["e\u{301}"] == 1)
    }

    @Test("Names that Unicode holds for equal cost no more than others")
    func canonicalCollisions() throws {
        // Each name is the same ten letters, in another of 2^10 spellings: equal for `String`, different for JSON.
        let names = (0..<1024).map { spelling in
            (0..<10).map { spelling >> $0 & 1 == 0 ? "\u{E9}" : "e\u{301}" }.joined()
        }
        let text = "{" + names.map { #""\#($0)":0"# }.joined(separator: ",") + "}"
        #expect(try JSONValue(parsing: text).objectValue?.count == 1024)
    }

    @Test("A string as long as the limit allows", arguments: ["a", "é", #"\u00e9"#, #"\\"#])
    func longString(unit: String) throws {
        let count = (1 << 20) / unit.utf8.count - 2
        let text = "\"" + String(repeating: unit, count: count) + "\""
        let value = try JSONValue(parsing: text)
        #expect(value.stringValue?.unicodeScalars.count == count)
    }

    @Test("A number as long as the limit allows")
    func longNumber() throws {
        let digits = String(repeating: "1", count: (1 << 20) - 10)
        #expect(try JSONValue(parsing: "0.\(digits)") == .number(1.0 / 9))
        #expect(throws: JSONSyntaxError(.numberOutOfRange, offset: 0)) { try JSONValue(parsing: digits) }
    }

    @Test("No beginning of a text is a text")
    func truncation() throws {
        let text = #"{"jsonrpc":"2.0","id":-1.5e+3,"p":[true,false,null,{"é\ud83d\ude00\n":[[]],"😀":{}}],"":""}"#
        let bytes = Array(text.utf8)
        #expect(throws: Never.self) { try JSONValue(parsing: bytes) }
        for length in 0..<bytes.count {
            #expect(throws: JSONSyntaxError.self, "\(length) bytes") { try JSONValue(parsing: bytes[..<length]) }
        }
    }

    @Test("Any byte changed in a text is read or refused, and what is read is written back the same")
    func everyByteChanged() throws {
        let bytes = Array(#"{"a":[-0.5e1,"\u00e9é",{}],"b":null,"c":true}"#.utf8)
        var accepted = 0
        for index in bytes.indices {
            for replacement in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = replacement
                guard let value = try? JSONValue(parsing: changed) else { continue }
                accepted += 1
                #expect(try JSONValue(parsing: value.serialized()) == value)
            }
        }
        #expect(accepted > bytes.count)
    }
}
