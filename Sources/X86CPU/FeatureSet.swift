// SPDX-License-Identifier: Apache-2.0

/// A set of features, held as one bit each.
public struct FeatureSet: Sendable {
    // One element a word; the length of an InlineArray has to be a literal, and a test compares it with the enum.
    private var words = [53 of UInt64](repeating: 0)

    /// The empty set.
    public init() {}

    /// The set of these features.
    public init(_ features: some Sequence<Feature>) {
        for feature in features { insert(feature) }
    }

    /// The features that a CPUID table has set.
    public init(table: CPUIDTable) {
        for word in FeatureWord.allCases {
            guard case .cpuid(let leaf, let subleaf, let register) = word.position else { continue }
            self[word] = UInt64(table.value(leaf, subleaf.index, register))
        }
    }

    /// The features that a CPUID table and these MSR values have set. A VMX control is one where it may be 1, in the
    /// high half, and need not be, in the low half: a control that is always 1 leaves nothing to choose.
    public init(table: CPUIDTable, msrs: [UInt32: UInt64]) {
        self.init(table: table)
        for word in FeatureWord.allCases {
            guard case .msr(let index, let allowedOne) = word.position, let value = msrs[index] else { continue }
            self[word] = allowedOne ? value >> 32 & ~(value & 0xFFFF_FFFF) : value
        }
    }

    /// All bits of one word.
    public subscript(word: FeatureWord) -> UInt64 {
        get { words[Int(word.rawValue)] }
        set { words[Int(word.rawValue)] = newValue }
    }

    /// Whether the feature is in the set.
    public func contains(_ feature: Feature) -> Bool { self[feature.word] & feature.mask != 0 }

    /// Adds the feature.
    public mutating func insert(_ feature: Feature) { self[feature.word] |= feature.mask }

    /// Takes the feature out.
    public mutating func remove(_ feature: Feature) { self[feature.word] &= ~feature.mask }

    // The loops below are plain, and read the other set by a span: passed to a closure, an array of fixed length is copied for
    // each of its elements.

    /// Whether the set is empty.
    public var isEmpty: Bool {
        var bits: UInt64 = 0
        for index in words.indices { bits |= words[index] }
        return bits == 0
    }

    /// The number of features.
    public var count: Int {
        var count = 0
        for index in words.indices { count += words[index].nonzeroBitCount }
        return count
    }

    /// Takes in the features of another set.
    public mutating func formUnion(_ other: FeatureSet) {
        let others = other.words.span
        for index in others.indices { words[index] |= others[index] }
    }

    /// Keeps only the features that another set has, too.
    public mutating func formIntersection(_ other: FeatureSet) {
        let others = other.words.span
        for index in others.indices { words[index] &= others[index] }
    }

    /// Whether the sets have a feature in common.
    public func intersects(_ other: FeatureSet) -> Bool {
        var common: UInt64 = 0
        let others = other.words.span
        for index in others.indices { common |= words[index] & others[index] }
        return common != 0
    }

    /// The bits of all words, in the order of ``FeatureWord``.
    public var allWords: [UInt64] {
        var all: [UInt64] = []
        all.reserveCapacity(words.count)
        for index in words.indices { all.append(words[index]) }
        return all
    }

    /// The features of either set.
    public func union(_ other: FeatureSet) -> FeatureSet {
        var result = self
        let others = other.words.span
        for index in others.indices { result.words[index] |= others[index] }
        return result
    }

    /// The features of both sets.
    public func intersection(_ other: FeatureSet) -> FeatureSet {
        var result = self
        let others = other.words.span
        for index in others.indices { result.words[index] &= others[index] }
        return result
    }

    /// The features that are not in the other set.
    public func subtracting(_ other: FeatureSet) -> FeatureSet {
        var result = self
        let others = other.words.span
        for index in others.indices { result.words[index] &= ~others[index] }
        return result
    }

    /// Whether the other set holds every feature of this one.
    public func isSubset(of other: FeatureSet) -> Bool {
        var missing: UInt64 = 0
        let others = other.words.span
        for index in others.indices { missing |= words[index] & ~others[index] }
        return missing == 0
    }
}

extension FeatureSet: Equatable {
    /// Whether both sets hold the same features.
    public static func == (left: FeatureSet, right: FeatureSet) -> Bool {
        var different: UInt64 = 0
        let others = right.words.span
        for index in others.indices { different |= left.words[index] ^ others[index] }
        return different == 0
    }
}

extension FeatureSet: Hashable {
    /// Hashes every word.
    public func hash(into hasher: inout Hasher) {
        for index in words.indices { hasher.combine(words[index]) }
    }
}

extension FeatureSet: Sequence {
    /// Goes through the features in order of word and bit.
    public struct Iterator: IteratorProtocol {
        private let set: FeatureSet
        private var word = 0
        private var rest: UInt64

        fileprivate init(_ set: FeatureSet) {
            self.set = set
            rest = set.words[0]
        }

        /// The next feature.
        public mutating func next() -> Feature? {
            while rest == 0 {
                word += 1
                guard word < set.words.count else { return nil }
                rest = set.words[word]
            }
            defer { rest &= rest - 1 }
            return Feature(FeatureWord.allCases[word], UInt8(rest.trailingZeroBitCount))
        }
    }

    /// An iterator over the features in order.
    public func makeIterator() -> Iterator { Iterator(self) }
}

extension FeatureSet: ExpressibleByArrayLiteral {
    /// The set of the features listed.
    public init(arrayLiteral elements: Feature...) { self.init(elements) }
}
