// SPDX-License-Identifier: Apache-2.0

import Glibc
import UnitSyntax

/// Those who may do something, as cpumodeld.conf names them:
///
/// | word | who |
/// |---|---|
/// | `*` | everybody who can connect |
/// | `self` | the user that cpumodeld runs as |
/// | `root`, `1000` | a user, by name or number |
/// | `group:NAME`, `group:100` | members of a group, be it their effective or a supplementary one |
/// | `unit:NAME` | processes of a systemd service or scope; `*` and `?` in the name stand for anything |
public struct CallerSet: Sendable {
    /// Groups that installing makes. Where it has not, they are nobody, and no mistake of whoever names them.
    private static let ownGroups: Set = ["cpumodel", "cpumodel-query"]

    /// As they were written.
    let words: [String]
    private var isEverybody = false
    private var users: Set<UInt32> = []
    private var groups: Set<UInt32> = []
    private var units: [String] = []

    /// Whoever it is.
    public static let everybody = CallerSet(default: "*")

    /// Reads words; without any it is nobody.
    init(_ assignments: [UnitAssignment]) throws(UnitSyntaxError) {
        var all: [String] = []
        for assignment in assignments { all += try assignment.words() }
        words = all
        for assignment in assignments {
            for word in try assignment.words() {
                if let problem = take(word) { throw assignment.error(problem) }
            }
        }
    }

    /// Those whom these words stand for, which must be right.
    init(default words: String...) {
        self.words = words
        for word in words { _ = take(word) }
    }

    /// Whether somebody is one of them.
    func contains(_ caller: Caller) -> Bool {
        isEverybody || users.contains(caller.userID) || !groups.isDisjoint(with: caller.groupIDs)
            || caller.unit.map { unit in units.contains { Self.matches(unit, $0) } } ?? false
    }

    /// Whether it depends on units.
    var hasUnits: Bool { !units.isEmpty }

    /// Adds those whom a word stands for; says what is wrong with it, as the rest of a sentence.
    private mutating func take(_ word: String) -> String? {
        if word == "*" {
            isEverybody = true
        } else if word == "self" {
            users.insert(geteuid())
        } else if let name = word.rest(behind: "group:") {
            guard let group = UInt32(name) ?? AccountNames.group(name) else {
                if Self.ownGroups.contains(name) { return nil }
                return "names the group \"\(name)\", and there is none of that name"
            }
            groups.insert(group)
        } else if let name = word.rest(behind: "unit:") {
            guard name.hasSuffix(".service") || name.hasSuffix(".scope") else {
                return "names the unit \"\(name)\"; units of processes are those that end in .service or .scope"
            }
            units.append(name)
        } else {
            guard let user = UInt32(word) ?? AccountNames.user(word) else {
                return "names \"\(word)\", and there is no such user; it takes users, group:NAME, unit:NAME, self, and "
                    + "* for everybody"
            }
            users.insert(user)
        }
        return nil
    }

    private static func matches(_ unit: String, _ pattern: String) -> Bool {
        // A unit's name may have a backslash, as part of an escape (systemd.unit(5)).
        unsafe fnmatch(pattern, unit, FNM_NOESCAPE) == 0
    }
}

extension String {
    /// What stands behind a prefix; nil without it.
    fileprivate func rest(behind prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
