// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax

extension CacheHierarchy {
    /// The keys of a section `[Caches]`.
    static let keys = ["Name", "L1d", "L1i", "L2", "L3"]

    /// Reads a section `[Caches]`.
    init(section: UnitSection) throws(UnitSyntaxError) {
        try section.refuseKeys(notIn: Self.keys)
        try section.refuseRepetition(of: Self.keys)
        func required(_ key: String) throws(UnitSyntaxError) -> UnitAssignment {
            guard let assignment = section.last(key) else {
                throw UnitSyntaxError(section.location, "there must be a key \"\(key)\" in the section \"Caches\"")
            }
            return assignment
        }
        name = try required("Name").identifier()
        l1d = try Cache(required("L1d"), .data, level: 1)
        l1i = try Cache(required("L1i"), .instruction, level: 1)
        var unified: [Cache?] = []
        for (key, level) in [("L2", 2), ("L3", 3)] as [(String, UInt8)] {
            guard let assignment = section.last(key) else {
                unified.append(nil)
                continue
            }
            unified.append(try Cache(assignment, .unified, level: level))
        }
        l2 = unified[0]
        l3 = unified[1]
        if let assignment = section.last("L3"), l2 == nil { throw assignment.error("needs a second level, L2=, too") }
    }
}

extension Cache {
    /// Reads a cache as a model file writes it: `32K 8-way 64B shared=core lines-per-tag=1 self-init`.
    init(_ assignment: UnitAssignment, _ kind: Kind, level: UInt8) throws(UnitSyntaxError) {
        var cache = Cache(kind: kind, level: level, size: 0, lineSize: 0, ways: 0, sets: 0, scope: .core)
        var seen: Set<String> = []
        for word in assignment.spacedWords() {
            guard seen.insert(try cache.read(word, assignment)).inserted else {
                throw assignment.error("says \(word) although it has said that already")
            }
        }
        for (needed, example) in [("size", "32K"), ("ways", "8-way"), ("line", "64B"), ("shared", "shared=core")]
        where !seen.contains(needed) {
            throw assignment.error("must tell its \(needed), for example \(example)")
        }
        let set = UInt64(cache.lineSize) * UInt64(cache.ways) * UInt64(cache.partitions)
        guard set > 0, UInt64(cache.size) % set == 0, cache.size > 0 else {
            throw assignment.error("must have a size that is a multiple of line x ways x partitions, \(set) bytes")
        }
        cache.sets = cache.size / UInt32(set)
        self = cache
    }

    /// Takes in one word; the result names the property that it sets.
    private mutating func read(_ word: String, _ assignment: UnitAssignment) throws(UnitSyntaxError) -> String {
        if let property = readFlag(word) { return property }
        func number(_ text: some StringProtocol, below limit: UInt32) throws(UnitSyntaxError) -> UInt32 {
            let value = UnitAssignment(key: assignment.key, value: String(text), location: assignment.location)
            return try value.integer(in: 1...limit)
        }
        if word.hasSuffix("-way") {
            ways = try number(word.dropLast(4), below: 1 << 10)
            return "ways"
        }
        if word.hasSuffix("B") {
            lineSize = try number(word.dropLast(), below: 1 << 12)
            return "line"
        }
        if let equals = word.firstIndex(of: "=") {
            let value = UnitAssignment(
                key: assignment.key, value: String(word[word.index(after: equals)...]), location: assignment.location)
            switch word[..<equals] {
            case "shared":
                scope = try value.enumeration()
                return "shared"
            case "partitions":
                partitions = try number(value.value, below: 1 << 10)
                return "partitions"
            case "lines-per-tag":
                linesPerTag = try value.integer(in: 0...15)
                return "lines-per-tag"
            default: break
            }
        }
        if word.first?.isNumber == true {
            let value = UnitAssignment(key: assignment.key, value: word, location: assignment.location)
            size = UInt32(try value.size(in: 1...UInt64(UInt32.max)))
            return "size"
        }
        let known = ["self-init", "no-invd-sharing", "inclusive", "complex-indexing", "shared=", "lines-per-tag="]
        let suggestion = didYouMean(nearest(word, in: known))
        throw assignment.error("has the word \"\(word)\", which says nothing of a cache\(suggestion)")
    }

    private mutating func readFlag(_ word: String) -> String? {
        switch word {
        case "self-init": isSelfInitializing = true
        case "no-invd-sharing": invalidatesNoSharers = true
        case "inclusive": isInclusive = true
        case "complex-indexing": hasComplexIndexing = true
        default: return nil
        }
        return word
    }
}
