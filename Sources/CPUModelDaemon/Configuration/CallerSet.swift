// SPDX-License-Identifier: Apache-2.0

import Glibc
import UnitSyntax

/// Users, as a configuration names them.
public enum CallerSet: Sendable, Hashable {
    /// Whoever it is.
    case everybody
    /// These, by number.
    case users(Set<UInt32>)

    /// Reads names and numbers of users; `*` is everybody, and nothing is nobody.
    init(_ assignments: [UnitAssignment]) throws(UnitSyntaxError) {
        var users: Set<UInt32> = []
        var isEverybody = false
        for assignment in assignments {
            for word in try assignment.words() {
                if word == "*" {
                    isEverybody = true
                    continue
                }
                guard let user = UInt32(word) ?? Self.number(ofUser: word) else {
                    throw assignment.error(
                        "names \"\(word)\", and there is no such user; "
                            + "it takes names and numbers of users, or * for everybody")
                }
                users.insert(user)
            }
        }
        self = isEverybody ? .everybody : .users(users)
    }

    /// The words that make it.
    var words: [String] {
        switch self {
        case .everybody: ["*"]
        case .users(let users): users.sorted().map { String($0) }
        }
    }

    /// Whether a user is one of them.
    func contains(_ user: UInt32) -> Bool {
        switch self {
        case .everybody: true
        case .users(let users): users.contains(user)
        }
    }

    private static func number(ofUser name: String) -> UInt32? {
        guard let entry = unsafe getpwnam(name) else { return nil }
        return unsafe entry.pointee.pw_uid
    }
}
