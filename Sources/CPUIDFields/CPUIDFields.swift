// SPDX-License-Identifier: Apache-2.0

import CCPUIDFields
public import X86CPU

/// All named fields, as read from `fields.list`.
public struct CPUIDFields: Sendable {
    /// Every field, by leaf, first subleaf, register and lowest bit.
    public let all: [CPUIDField]
    /// Lines of the file that cannot be read; none in what is shipped.
    public let problems: [String]

    private let byLeaf: [UInt32: [CPUIDField]]

    /// The fields that are part of this program; read at the first use.
    public static let shared = unsafe CPUIDFields(
        parsing: Array(UnsafeBufferPointer(start: ccpuidfields_bytes(), count: ccpuidfields_size)))

    /// Reads a list; its head says how it is written.
    public init(parsing bytes: [UInt8]) {
        var parser = FieldsParser()
        for (number, line) in String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).enumerated() {
            parser.read(line, number: number + 1)
        }
        all = parser.fields
        problems = parser.problems
        byLeaf = Dictionary(grouping: all, by: \.leaf)
    }

    /// The fields of one register of one subleaf, from the lowest bit.
    public func fields(_ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister) -> [CPUIDField] {
        (byLeaf[leaf] ?? [])
            .filter { $0.register == register && $0.subleaves.contains(subleaf) }
            .sorted { $0.bits.lowerBound < $1.bits.lowerBound }
    }
}

/// Reads the list line by line. A line with an error is left out and noted.
private struct FieldsParser {
    private var heading: (leaf: UInt32, subleaves: ClosedRange<UInt32>, register: CPUIDRegister)?
    private(set) var fields: [CPUIDField] = []
    private(set) var problems: [String] = []

    mutating func read(_ line: Substring, number: Int) {
        if line.isEmpty || line.hasPrefix("#") { return }
        let isRead = line.hasPrefix("[") ? readHeading(line) : readField(line)
        if !isRead { problems.append("line \(number): \(line)") }
    }

    private mutating func readHeading(_ line: Substring) -> Bool {
        heading = nil
        let words = line.dropFirst().prefix { $0 != "]" }.split(separator: " ")
        guard words.count == 3, words[0].hasPrefix("0x"), let leaf = UInt32(words[0].dropFirst(2), radix: 16),
            let register = CPUIDRegister.allCases.first(where: { $0.description == words[2] })
        else { return false }
        let ends = words[1].split(separator: "-").compactMap { UInt32($0) }
        guard let first = ends.first, let last = ends.last, first <= last else { return false }
        heading = (leaf, first...last, register)
        return true
    }

    private mutating func readField(_ line: Substring) -> Bool {
        let words = line.split(separator: " ", maxSplits: 2)
        guard let heading, words.count == 3 else { return false }
        let ends = words[0].split(separator: ":").compactMap { UInt8($0) }
        guard let high = ends.first, let low = ends.last, low <= high, high < 32 else { return false }
        fields.append(
            CPUIDField(
                leaf: heading.leaf, subleaves: heading.subleaves, register: heading.register, bits: low...high,
                name: String(words[1]), meaning: String(words[2])))
        return true
    }
}
