// SPDX-License-Identifier: Apache-2.0

import CFeatureRegistry

/// The names, needs and marks of all features, as `features.list` tells them.
public struct FeatureRegistry: Sendable {
    /// Two features that no guest may have together.
    public struct Conflict: Sendable, Hashable {
        /// The feature that stays.
        public let first: Feature
        /// The feature that must go.
        public let second: Feature
    }

    /// A line of the registry's file that could not be used.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// The line, counted from 1.
        public let line: Int
        /// What is wrong with it, as a sentence.
        public let message: String

        /// Line and message.
        public var description: String { "features.list:\(line): \(message)" }
    }

    /// The registry that is part of the program.
    public static let shared = FeatureRegistry(parsing: embedded)

    /// Every feature, in order of word and bit.
    public let all: [FeatureInfo]
    /// Every feature with a name.
    public let named: FeatureSet
    /// The features that add up over a pool of hosts; see ``FeatureFlags/accumulates``.
    public let accumulated: FeatureSet
    /// The features that keep a guest from being migrated.
    public let unmigratable: FeatureSet
    /// The features that a guest has only when asked; see ``FeatureFlags/optIn``.
    public let optIn: FeatureSet
    /// What needs what.
    public let dependencies: FeatureDependencies
    /// The components of the XSAVE area, by number.
    public let xsaveComponents: [XSaveComponent]
    /// The pairs that exclude each other.
    public let conflicts: [Conflict]
    /// The features by meaning, each in one group; see ``grouped(_:)``.
    public let groups: [FeatureGroup]
    /// The lines that could not be used. None in the program's own registry, or the program was built wrong.
    public let problems: [Problem]

    private let byName: [String: Feature]
    private let positions: [Int16]

    /// The feature of that name, or nil: a name of the registry or any project's spelling. `_` equals `-`, case does
    /// not matter, and a position as ``Feature/description`` writes it is good too.
    public func feature(named name: String) -> Feature? {
        byName[name] ?? byName[Self.normalized(name)] ?? Feature(position: name)
    }

    /// The feature's name, or its position when it has none.
    public func name(of feature: Feature) -> String {
        // Not by `info(of:)`, which would copy all that is known for the sake of the name.
        let position = positions[Self.slot(feature)]
        return position < 0 ? feature.description : all[Int(position)].name
    }

    /// All that is known of a feature; nil when it has no name.
    public func info(of feature: Feature) -> FeatureInfo? {
        let position = positions[Self.slot(feature)]
        return position < 0 ? nil : all[Int(position)]
    }

    /// Every spelling that ``feature(named:)`` takes, with `-` and in lower case.
    public var spellings: some Collection<String> & Sendable { byName.keys }

    /// The registry of a file's bytes. Lines that are wrong are left out and told in ``problems``.
    public init(parsing bytes: [UInt8]) {
        var parser = FeatureRegistryParser(bytes)
        parser.parse()
        all = parser.infos.sorted { $0.feature < $1.feature }
        byName = parser.byName
        xsaveComponents = parser.components
        conflicts = parser.conflicts
        groups = parser.groups
        problems = parser.problems.sorted { $0.line < $1.line }

        var positions = [Int16](repeating: -1, count: FeatureWord.allCases.count * 64)
        var named = FeatureSet()
        var marked: [FeatureFlags: FeatureSet] = [:]
        for (position, info) in all.enumerated() {
            positions[Self.slot(info.feature)] = Int16(position)
            named.insert(info.feature)
            for flag in [.accumulates, .unmigratable, .optIn] as [FeatureFlags] where info.flags.contains(flag) {
                marked[flag, default: []].insert(info.feature)
            }
        }
        self.positions = positions
        self.named = named
        accumulated = marked[.accumulates, default: []]
        unmigratable = marked[.unmigratable, default: []]
        optIn = marked[.optIn, default: []]
        dependencies = FeatureDependencies(all)
    }

    /// A name as it is looked up.
    static func normalized(_ name: String) -> String {
        guard name.utf8.contains(where: { $0.normalized != $0 }) else { return name }
        return String(decoding: name.utf8.map(\.normalized), as: UTF8.self)
    }

    private static func slot(_ feature: Feature) -> Int { Int(feature.word.rawValue) * 64 + Int(feature.bit) }

    private static var embedded: [UInt8] {
        // An array of the C file: immutable, alive for ever, and the size is the compiler's.
        unsafe Array(UnsafeBufferPointer(start: cfeatureregistry_bytes(), count: cfeatureregistry_size))
    }
}

extension UInt8 {
    /// The byte of a name with `_` as `-` and capitals as small letters.
    fileprivate var normalized: UInt8 {
        switch self {
        case UInt8(ascii: "_"): UInt8(ascii: "-")
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): self | 0x20
        default: self
        }
    }
}
