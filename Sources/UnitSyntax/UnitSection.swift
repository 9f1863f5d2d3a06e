// SPDX-License-Identifier: Apache-2.0

import Spelling

/// A section: a header `[Name]` and the assignments up to the next.
public struct UnitSection: Sendable, Hashable {
    /// What stands between the brackets.
    public let name: String

    /// The assignments, in order.
    public internal(set) var assignments: [UnitAssignment]

    /// Where the header stands.
    public let location: SourceLocation

    /// A section.
    public init(name: String, assignments: [UnitAssignment], location: SourceLocation) {
        self.name = name
        self.assignments = assignments
        self.location = location
    }

    /// The keys, each once, in the order in which they are first assigned.
    public var keys: [String] {
        var seen: Set<String> = []
        return assignments.map(\.key).filter { seen.insert($0).inserted }
    }

    /// The assignment of this key that counts when there may be one only: the last.
    public func last(_ key: String) -> UnitAssignment? {
        assignments.last { $0.key == key }
    }

    /// The assignments of this key that count when they form a list: those behind the last empty one.
    public func all(_ key: String) -> [UnitAssignment] {
        assignments.list(key)
    }

    /// Makes sure that there are no other keys than these.
    ///
    /// - Throws: ``UnitSyntaxError`` about the first assignment of another, with the nearest key that is known.
    public func refuseKeys(notIn known: some Collection<String>) throws(UnitSyntaxError) {
        for assignment in assignments where !known.contains(assignment.key) {
            var message = "there is no key \(quoted(assignment.key)) in the section \(quoted(name))"
            if let suggestion = nearest(assignment.key, in: known) {
                message += "; did you mean \(quoted(suggestion))?"
            }
            throw UnitSyntaxError(assignment.location, message)
        }
    }
}

extension Collection<UnitAssignment> {
    /// The assignments of a key that count when they form a list: an empty value resets the list, as systemd has it.
    public func list(_ key: String) -> [UnitAssignment] {
        var list: [UnitAssignment] = []
        for assignment in self where assignment.key == key {
            if assignment.value.isEmpty { list.removeAll() } else { list.append(assignment) }
        }
        return list
    }
}
