// SPDX-License-Identifier: Apache-2.0

/// Reads the registry's file; the file's head says how it is written.
///
/// A line with an error is left out, and the rest is read on: a registry with a hole is worth more than none.
struct FeatureRegistryParser {
    enum Section {
        case none
        case word(FeatureWord)
        case xsave
        case conflicts
        /// A group of features, by its place in ``groups``.
        case group(Int)
    }

    /// A `needs=` or `policy=` whose names are not looked up yet, since they may come later in the file.
    struct PendingNeed {
        let names: [String]
        let sources: [FeatureProject]
        let isPolicy: Bool
    }

    struct PendingFeature {
        let line: Int
        let feature: Feature
        let name: String
        var spellings: [(project: FeatureProject, name: String)] = []
        var needs: [PendingNeed] = []
        var flags: FeatureFlags = []
        var xenGuests: Character?
    }

    var infos: [FeatureInfo] = []
    var byName: [String: Feature] = [:]
    var components: [XSaveComponent] = []
    var conflicts: [FeatureRegistry.Conflict] = []
    var groups: [FeatureGroup] = []
    private(set) var problems: [FeatureRegistry.Problem] = []

    private let bytes: [UInt8]
    private var section = Section.none
    var line = 0
    var pending: [PendingFeature] = []
    /// Lines of `[xsave]`, `[conflicts]` and `[group]`, which name features, kept until all features are known.
    private var later: [(line: Int, section: Section, words: [Range<Int>])] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func parse() {
        pending.reserveCapacity(600)
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let end = position(of: "\n", in: start..<bytes.endIndex)
            line += 1
            if let first = byte(after: " ", in: start..<end), first != UInt8(ascii: "#") {
                read(split(start..<end, " "))
            }
            start = end + 1
        }
        collectNames()
        for feature in pending { infos.append(resolved(feature)) }
        for (line, section, words) in later {
            self.line = line
            switch section {
            case .xsave: readComponent(words)
            case .group(let position): readGroup(words, position)
            default: readConflict(words)
            }
        }
    }

    private mutating func read(_ words: [Range<Int>]) {
        if let first = words.first, bytes[first.lowerBound] == UInt8(ascii: "[") {
            readHeader(words)
            return
        }
        switch section {
        case .none: report("A line needs a section such as [cpuid 0x1 ecx] above it.")
        case .word(let word): readFeature(words, word)
        case .xsave, .conflicts, .group: later.append((line, section, words))
        }
    }

    private mutating func readHeader(_ words: [Range<Int>]) {
        section = .none
        let header = words.map(text).joined(separator: " ")
        guard header.hasSuffix("]") else { return report("The section header \(header) does not end with ].") }
        let parts = header.dropFirst().dropLast().split(separator: " ")
        switch (parts.first, parts.count) {
        case ("cpuid", 3):
            let numbers = parts[1].split(separator: ".")
            let leaf = numbers.first.flatMap { UInt32(hexadecimal: $0) }
            let subleaf = numbers.count == 2 ? UInt32(numbers[1]).map(SubleafMatch.exact) : .any
            let register = CPUIDRegister.allCases.first { $0.description == parts[2] }
            if let leaf, let subleaf, let register {
                select(.cpuid(leaf: leaf, subleaf: subleaf, register: register), header)
            } else {
                report("\(header) is not a CPUID register.")
            }
        case ("msr", 2):
            select(UInt32(hexadecimal: parts[1]).map { .msr(index: $0, allowedOne: false) }, header)
        case ("msr", 3) where parts[2] == "high":
            select(UInt32(hexadecimal: parts[1]).map { .msr(index: $0, allowedOne: true) }, header)
        case ("xsave", 1): section = .xsave
        case ("conflicts", 1): section = .conflicts
        case ("group", 2...):
            section = .group(groups.count)
            groups.append(FeatureGroup(title: parts.dropFirst().joined(separator: " "), features: []))
        default: report("There is no section \(header).")
        }
    }

    private mutating func select(_ position: FeatureWord.Position?, _ header: String) {
        guard let position, let word = FeatureWord(position) else {
            return report("\(header) is not a word of features.")
        }
        section = .word(word)
    }

    private mutating func readFeature(_ words: [Range<Int>], _ word: FeatureWord) {
        guard words.count >= 2, let feature = UInt8(text(words[0])).flatMap({ Feature(word, bit: $0) }) else {
            return report("A feature begins with the number of its bit and its name.")
        }
        var entry = PendingFeature(line: line, feature: feature, name: text(words[1]))
        for item in words.dropFirst(2) { readItem(item, &entry) }
        pending.append(entry)
    }

    private mutating func readItem(_ item: Range<Int>, _ entry: inout PendingFeature) {
        let equals = position(of: "=", in: item)
        let key = text(item.lowerBound..<equals)
        if equals == item.upperBound {
            if let project = FeatureProject(key) {
                entry.spellings.append((project, entry.name))
            } else if let flag = Self.plainFlags[key] {
                entry.flags.insert(flag)
            } else {
                report("\(key) says nothing of a feature.")
            }
            return
        }
        let value = equals + 1..<item.upperBound
        switch key {
        case "needs", "policy": readNeed(value, isPolicy: key == "policy", &entry)
        case "guests" where value.count == 1: entry.xenGuests = text(value).first
        case "unmigratable":
            for source in split(value, ",").map(text) {
                switch source {
                case "qemu": entry.flags.insert(.unmigratable)
                case "libvirt": entry.flags.insert(.unmigratableInLibvirt)
                default: report("\(source) does not say what can be migrated; qemu and libvirt do.")
                }
            }
        default:
            guard let project = FeatureProject(key) else { return report("\(text(item)) says nothing of a feature.") }
            for name in split(value, ",") { entry.spellings.append((project, text(name))) }
        }
    }

    private mutating func readNeed(_ value: Range<Int>, isPolicy: Bool, _ entry: inout PendingFeature) {
        let parts = split(value, ":")
        let names = parts.first.map { split($0, "|").map(text) } ?? []
        let sources = parts.count == 2 ? split(parts[1], ",").map { FeatureProject(text($0)) } : []
        guard !names.isEmpty, parts.count <= 2, !sources.contains(nil) else {
            return report("A need is written needs=FEATURE:SOURCE, with SOURCE of qemu, libvirt, linux and xen.")
        }
        entry.needs.append(PendingNeed(names: names, sources: sources.compactMap { $0 }, isPolicy: isPolicy))
    }

    mutating func report(_ message: String) {
        problems.append(FeatureRegistry.Problem(line: line, message: message))
    }

    private static let plainFlags: [String: FeatureFlags] = [
        "union": .accumulates, "special": .special, "optin": .optIn,
    ]
}

// Ranges of bytes stand for text until it is kept: the program reads this file at every start.
extension FeatureRegistryParser {
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The first such byte in the range, or the range's end.
    func position(of separator: Unicode.Scalar, in range: Range<Int>) -> Int {
        let separator = UInt8(ascii: separator)
        var position = range.lowerBound
        while position < range.upperBound, bytes[position] != separator { position += 1 }
        return position
    }

    /// The first byte in the range that is another one.
    private func byte(after filler: Unicode.Scalar, in range: Range<Int>) -> UInt8? {
        let filler = UInt8(ascii: filler)
        return range.first { bytes[$0] != filler }.map { bytes[$0] }
    }

    /// The parts between separators, without empty ones.
    func split(_ range: Range<Int>, _ separator: Unicode.Scalar) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let end = position(of: separator, in: start..<range.upperBound)
            if end > start { parts.append(start..<end) }
            start = end + 1
        }
        return parts
    }
}

extension UInt32 {
    /// A number with `0x` before it.
    fileprivate init?(hexadecimal text: Substring) {
        guard text.hasPrefix("0x") else { return nil }
        self.init(text.dropFirst(2), radix: 16)
    }
}
