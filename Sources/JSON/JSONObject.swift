// SPDX-License-Identifier: Apache-2.0

/// The members of a JSON object: names, each once, and values, in the order in which they were added.
///
/// Names are equal when their bytes are. Swift's own `==` on strings also unites different spellings of one accented
/// letter, which JSON does not, and it costs more than an attacker should be able to make us pay.
public struct JSONObject: Sendable {
    /// One member of an object.
    public typealias Element = (key: String, value: JSONValue)

    struct Member: Sendable {
        let key: String
        var value: JSONValue
    }

    /// Objects up to this size are searched one member after the other, which is faster than hashing and needs no
    /// memory. It bounds what a search costs; beyond it, `positions` does.
    private static let searchedLimit = 16

    private(set) var members: [Member] = []

    /// Where each name stands in `members`; empty as long as they are few.
    private var positions: [ExactName: Int] = [:]

    /// An object without members.
    public init() {}

    /// An object with these members. A name given twice keeps its first place and its last value.
    public init(_ members: [(key: String, value: JSONValue)]) {
        self.members.reserveCapacity(members.count)
        for (key, value) in members {
            set(value, for: key)
        }
    }

    /// The number of members.
    public var count: Int { members.count }

    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }

    /// The names, in order.
    public var keys: [String] { members.map(\.key) }

    /// The value of the member of this name, or `nil` when there is none.
    public subscript(key: String) -> JSONValue? {
        position(of: key).map { members[$0].value }
    }

    /// Gives the member of this name this value: in its place when there is one, at the end otherwise.
    public mutating func set(_ value: JSONValue, for key: String) {
        if let position = position(of: key) {
            members[position].value = value
        } else {
            appendNew(value, for: key)
        }
    }

    /// Whether there is a member of this name.
    func contains(_ key: String) -> Bool {
        position(of: key) != nil
    }

    /// Adds a member of a name that no member has yet.
    mutating func appendNew(_ value: JSONValue, for key: String) {
        members.append(Member(key: key, value: value))
        guard members.count > Self.searchedLimit else { return }
        for position in positions.count..<members.count {
            positions[ExactName(members[position].key)] = position
        }
    }

    /// Where the member of this name stands, or `nil` when there is none.
    func position(of key: String) -> Int? {
        if members.count <= Self.searchedLimit {
            members.firstIndex { ExactName($0.key) == ExactName(key) }
        } else {
            positions[ExactName(key)]
        }
    }
}

extension JSONObject: Sequence {
    /// Walks over the members.
    public struct Iterator: IteratorProtocol {
        private var members: IndexingIterator<[Member]>

        init(_ members: [Member]) {
            self.members = members.makeIterator()
        }

        /// The next member.
        public mutating func next() -> Element? {
            members.next().map { (key: $0.key, value: $0.value) }
        }
    }

    /// The members in order.
    public func makeIterator() -> Iterator {
        Iterator(members)
    }

    /// The number of members.
    public var underestimatedCount: Int { members.count }
}

extension JSONObject: Equatable {
    /// Whether both have the same names with equal values; the order does not matter (RFC 8259, section 4).
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }
}

/// A name that is equal to another when the bytes are.
private struct ExactName: Hashable {
    private let name: String

    init(_ name: String) {
        self.name = name
    }

    static func == (left: ExactName, right: ExactName) -> Bool {
        left.name.utf8.count == right.name.utf8.count && left.name.utf8.elementsEqual(right.name.utf8)
    }

    func hash(into hasher: inout Hasher) {
        for byte in name.utf8 {
            hasher.combine(byte)
        }
    }
}
