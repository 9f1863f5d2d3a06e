// SPDX-License-Identifier: Apache-2.0

/// Writes a JSON text piece by piece, without a tree: the hot path of answers.
///
///     var writer = JSONWriter()
///     writer.object { writer in
///         writer.member("vm", "web-1")
///         writer.array("vcpus") { writer in
///             for vcpu in vcpus { writer.integer(vcpu.id) }
///         }
///     }
///
/// Commas come by themselves. What the writer does not check is the grammar: that each `begin` has its `end`, and that
/// in an object, and only there, each value follows a key. The methods that take a closure see to the former.
public struct JSONWriter: Sendable {
    /// What has been written so far.
    public internal(set) var bytes: [UInt8] = []

    /// Whether a value precedes at this level, so that the next one needs a comma.
    private var needsComma = false

    /// Whether a key has just been written, so that the next value stands behind it.
    private var isBehindKey = false

    /// How many arrays and objects are open; kept for indentation.
    private var depth = 0

    private let isPretty: Bool

    /// A writer that has written nothing.
    ///
    /// - Parameters:
    ///   - capacity: how many bytes to make room for at first.
    ///   - pretty: one member or element a line, indented by two spaces.
    public init(capacity: Int = 512, pretty: Bool = false) {
        isPretty = pretty
        bytes.reserveCapacity(capacity)
    }

    /// Hands out what has been written and starts anew.
    public mutating func take() -> [UInt8] {
        defer { self = JSONWriter(capacity: 0, pretty: isPretty) }
        return bytes
    }

    /// Forgets what has been written, and keeps the memory for what comes.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
        isBehindKey = false
        depth = 0
    }

    /// Ends a text with a line feed, the frame of the protocol. Another text may follow.
    public mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }
}

// MARK: - Structure

extension JSONWriter {
    /// Opens an object; keys and values follow.
    public mutating func beginObject() { begin(UInt8(ascii: "{")) }

    /// Closes the innermost object.
    public mutating func endObject() { end(UInt8(ascii: "}")) }

    /// Opens an array; values follow.
    public mutating func beginArray() { begin(UInt8(ascii: "[")) }

    /// Closes the innermost array.
    public mutating func endArray() { end(UInt8(ascii: "]")) }

    /// Writes the name of a member; its value must follow.
    public mutating func key(_ key: String) {
        startValue()
        appendQuoted(key)
        bytes.append(UInt8(ascii: ":"))
        if isPretty { bytes.append(UInt8(ascii: " ")) }
        needsComma = false
        isBehindKey = true
    }

    private mutating func begin(_ bracket: UInt8) {
        startValue()
        bytes.append(bracket)
        needsComma = false
        depth += 1
    }

    private mutating func end(_ bracket: UInt8) {
        depth -= 1
        // Nothing needs a comma right behind an opening bracket: `[]` stays on its line.
        if isPretty, needsComma { indent() }
        bytes.append(bracket)
        needsComma = true
    }

    /// Writes what must stand between the last value and the one to come.
    private mutating func startValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        if isPretty, depth > 0, !isBehindKey { indent() }
        needsComma = true
        isBehindKey = false
    }

    private mutating func indent() {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * max(0, depth)))
    }
}

// MARK: - Values

extension JSONWriter {
    /// Writes `null`.
    public mutating func null() {
        startValue()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) {
        startValue()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Writes an integer in decimal. Readers need not keep more than 53 bits of it: see ``hex(_:)``.
    @inlinable
    public mutating func integer(_ value: some BinaryInteger) {
        if let value = Int64(exactly: value) {
            writeInteger(magnitude: value.magnitude, isNegative: value < 0)
        } else {
            // Beyond 64 signed bits, where speed does not matter.
            raw("\(value)".utf8)
        }
    }

    @usableFromInline
    mutating func writeInteger(magnitude: UInt64, isNegative: Bool) {
        startValue()
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        appendDecimal(magnitude)
    }

    /// Writes a number in the shortest form that reads back the same; `null` when it is infinite or not a number.
    public mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        startValue()
        bytes.append(contentsOf: value.description.utf8)
    }

    /// Writes a string.
    public mutating func string(_ value: String) {
        startValue()
        appendQuoted(value)
    }

    /// Writes a value as a string of `0x` and 8 digits: `"0x0000000d"`.
    public mutating func hex32(_ value: UInt32) {
        hex(UInt64(value), width: 8)
    }

    /// Writes a value as a string of `0x` and as many digits as it has, but at least `width`: `"0x345"`.
    public mutating func hex(_ value: UInt64, width: Int = 1) {
        startValue()
        appendHexadecimal(value, width: width)
    }

    /// Writes a tree.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .number(let value): number(value)
        case .string(let value): string(value)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object): self.object(object)
        }
    }

    /// Writes an object that is there as a tree.
    public mutating func object(_ object: JSONObject) {
        beginObject()
        for member in object.members {
            key(member.key)
            value(member.value)
        }
        endObject()
    }

    /// Writes a value that is JSON text already. Whoever passes it vouches for it.
    public mutating func raw(_ json: some Collection<UInt8>) {
        startValue()
        bytes.append(contentsOf: json)
    }
}
