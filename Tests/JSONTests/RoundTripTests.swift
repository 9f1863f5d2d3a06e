// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@Suite("Round trip")
struct RoundTripTests {
    @Test("What is written is read back equal, plain and pretty", arguments: 0..<200 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = Generator(seed: seed)
        let value = generator.value(depth: 5)
        for pretty in [false, true] {
            let text = value.serialized(pretty: pretty)
            let read = try JSONValue(parsing: text)
            #expect(read == value)
            // Equality of Swift strings forgives differences that bytes do not.
            #expect(read.serialized(pretty: pretty) == text)
        }
    }

    @Test("A text on one line has no line feed, whatever the strings contain", arguments: 0..<50 as Range<UInt64>)
    func oneLine(seed: UInt64) {
        var generator = Generator(seed: seed)
        #expect(!generator.value(depth: 5).serialized().contains(UInt8(ascii: "\n")))
    }

    @Test("Every Unicode scalar survives in a string")
    func everyScalar() throws {
        let scalars = (0...0x10FFFF as ClosedRange<UInt32>).compactMap(Unicode.Scalar.init)
        for start in stride(from: 0, to: scalars.count, by: 0x8000) {
            let string = String(String.UnicodeScalarView(scalars[start..<min(start + 0x8000, scalars.count)]))
            let read = try JSONValue(parsing: JSONValue.string(string).serialized()).stringValue
            #expect(read.map { Array($0.utf8) } == Array(string.utf8))
        }
    }
}

/// Random values of every kind, the same for the same seed (SplitMix64).
private struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 8), using: &self) {
        case 0: return .null
        case 1: return .bool(.random(using: &self))
        case 2: return .integer(Int64(bitPattern: next()) >> Int64.random(in: 0..<64, using: &self))
        case 3:
            let number = Double(bitPattern: next())
            return .number(number.isFinite ? number : 0.5)
        case 4: return .string(string())
        case 5: return .array((0..<count()).map { _ in value(depth: depth - 1) })
        default: return .object(JSONObject((0..<count()).map { _ in (key: string(), value: value(depth: depth - 1)) }))
        }
    }

    private mutating func count() -> Int {
        // Now and then an object large enough to be indexed.
        Int.random(in: 0..<20, using: &self) == 0 ? 40 : Int.random(in: 0..<6, using: &self)
    }

    private mutating func string() -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0x20...0x7E, 0x20...0x7E, 0x00...0x1F, 0x22...0x5C, 0x80...0x7FF, 0x300...0x30F, 0xE000...0xFFFF,
            0x10000...0x10FFFF,
        ]
        var view = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<24, using: &self) {
            let range = ranges[Int.random(in: 0..<ranges.count, using: &self)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &self)) { view.append(scalar) }
        }
        return String(view)
    }
}
