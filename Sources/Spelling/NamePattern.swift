// SPDX-License-Identifier: Apache-2.0

/// A pattern for names, upper and lower case alike: with `*` (any text) and `?` (one character) it is for the whole name,
/// without them for a part of it.
public struct NamePattern: Sendable {
    private let pattern: [Character]

    /// A pattern from its text.
    public init(_ text: String) {
        self.init(whole: Self.isPattern(text) ? text : "*\(text)*")
    }

    /// A pattern for the whole name also where it has neither `*` nor `?`.
    public init(whole text: String) { pattern = Array(text.lowercased()) }

    /// Whether a text has `*` or `?` in it.
    public static func isPattern(_ text: String) -> Bool { text.contains { $0 == "*" || $0 == "?" } }

    /// Whether a name matches.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.lowercased())
        var (inName, inPattern) = (0, 0)
        // Behind the last star, and what it takes up to now: to go back to, with one character more for it.
        var retry: (inName: Int, inPattern: Int)?
        while inName < name.count {
            if inPattern < pattern.count, pattern[inPattern] == "*" {
                inPattern += 1
                retry = (inName, inPattern)
            } else if inPattern < pattern.count, pattern[inPattern] == "?" || pattern[inPattern] == name[inName] {
                inName += 1
                inPattern += 1
            } else if let last = retry {
                retry = (last.inName + 1, last.inPattern)
                (inName, inPattern) = (last.inName + 1, last.inPattern)
            } else {
                return false
            }
        }
        return pattern[inPattern...].allSatisfy { $0 == "*" }
    }
}
