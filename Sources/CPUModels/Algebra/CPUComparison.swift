// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What one CPU has and another has not.
///
/// The words are those of sets: a superset has every feature of the other, bit for bit. Whether a guest can move is
/// another question, since there are features of which a guest may be told more than its host has, and others that the
/// host must not have behind its back: ``MigrationCheck`` answers it.
public struct CPUComparison: Sendable, Hashable {
    /// How the first CPU relates to the second.
    public enum Relation: String, Sendable, Hashable, CaseIterable {
        /// Nothing differs that is compared.
        case identical
        /// The first has all that the second has, and more.
        case superset
        /// The first has a part of what the second has, and nothing else.
        case subset
        /// Each has something that the other has not.
        case incomparable
    }

    /// A number of which one CPU has more.
    public struct Number: Sendable, Hashable, CustomStringConvertible {
        /// What the number is, as it stands in messages.
        public let name: String
        /// The first CPU's; nil where it is not known.
        public let first: UInt64?
        /// The second CPU's; nil where it is not known.
        public let second: UInt64?

        /// The name and both numbers.
        public var description: String {
            func text(_ value: UInt64?) -> String {
                value.map { $0 >= 0x4000_0000 ? "0x" + String($0, radix: 16) : String($0) } ?? "unknown"
            }
            return "\(name): \(text(first)) and \(text(second))"
        }
    }

    /// How the first CPU relates to the second. Vendor, features, numbers in feature words and address widths decide;
    /// where they are equal, the levels do. The signature does not.
    public let relation: Relation
    /// The features that only the first has, by word and bit.
    public let onlyInFirst: FeatureSet
    /// The features that only the second has, by word and bit.
    public let onlyInSecond: FeatureSet
    /// Of the features that only one has, those in words of which the other tells nothing.
    public let untold: FeatureSet
    /// The numbers that differ: levels, address widths, and those in feature words.
    public let numbers: [Number]
    /// The vendors, if they differ.
    public let vendors: Pair<CPUVendor>?
    /// The signatures, if they differ.
    public let signatures: Pair<CPUSignature>?

    /// What each CPU has of something that differs.
    public struct Pair<Value: Sendable & Hashable>: Sendable, Hashable {
        /// The first CPU's; nil where it is not told.
        public let first: Value?
        /// The second CPU's; nil where it is not told.
        public let second: Value?

        init?(_ first: Value?, _ second: Value?) {
            guard first != second else { return nil }
            self.first = first
            self.second = second
        }
    }

    /// Compares two CPUs.
    public init(_ first: CPUDescription, _ second: CPUDescription) {
        onlyInFirst = first.features.subtracting(second.features)
        onlyInSecond = second.features.subtracting(first.features)
        untold = onlyInFirst.intersection(second.untold).union(onlyInSecond.intersection(first.untold))
        vendors = Pair(first.vendor, second.vendor)
        signatures = Pair(first.signature, second.signature)

        var abilities = Order(hasMore: !onlyInFirst.isEmpty, hasLess: !onlyInSecond.isEmpty)
        if let vendors {
            // No vendor told asks less than any; two are no degrees of each other.
            abilities.add(hasMore: vendors.first != nil, hasLess: vendors.second != nil)
        }
        var numbers: [Number] = []
        for field in NumberField.all {
            let (a, b) = (field.value(in: first.numbers), field.value(in: second.numbers))
            guard a != b else { continue }
            numbers.append(Number(name: field.name, first: a, second: b))
            abilities.add(hasMore: !field.serves(guest: a, host: b), hasLess: !field.serves(guest: b, host: a))
        }
        func compare<N: FixedWidthInteger>(_ name: String, _ a: N?, _ b: N?, in order: inout Order) {
            guard a != b else { return }
            numbers.append(Number(name: name, first: a.map { UInt64($0) }, second: b.map { UInt64($0) }))
            order.add(hasMore: a ?? 0 > b ?? 0, hasLess: a ?? 0 < b ?? 0)
        }
        compare(
            "bits of a physical address", first.physicalAddressBits, second.physicalAddressBits, in: &abilities)
        compare("bits of a linear address", first.linearAddressBits, second.linearAddressBits, in: &abilities)
        var levels = Order()
        compare("the highest basic leaf", first.level, second.level, in: &levels)
        compare("the highest extended leaf", first.extendedLevel, second.extendedLevel, in: &levels)
        self.numbers = numbers
        relation = abilities == Order() ? levels.relation : abilities.relation
    }
}

/// What has come out so far of comparing two things part by part.
private struct Order: Equatable {
    var hasMore = false
    var hasLess = false

    mutating func add(hasMore: Bool, hasLess: Bool) {
        self.hasMore = self.hasMore || hasMore
        self.hasLess = self.hasLess || hasLess
    }

    var relation: CPUComparison.Relation {
        switch (hasMore, hasLess) {
        case (false, false): .identical
        case (true, false): .superset
        case (false, true): .subset
        case (true, true): .incomparable
        }
    }
}
