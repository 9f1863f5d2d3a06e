// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a file, and where.
public struct UnitSyntaxError: Error, Sendable, Hashable {
    /// Where.
    public let location: SourceLocation

    /// What is wrong, as a sentence without full stop.
    public let message: String

    /// An error at this place.
    public init(_ location: SourceLocation, _ message: String) {
        self.location = location
        self.message = message
    }
}

extension UnitSyntaxError: CustomStringConvertible {
    /// Place and message: `cpumodeld.conf:12: there is no '=' in "OwnerDeadlineSec"`.
    public var description: String { "\(location): \(message)" }
}

/// A word of a file fit for a message: in quotes, on one line, cut when long.
func quoted(_ word: String) -> String {
    let limit = 64
    let scalars = word.unicodeScalars
    let shown = String(String.UnicodeScalarView(scalars.prefix(limit).map { $0 == "\t" ? " " : $0 }))
    return scalars.dropFirst(limit).isEmpty ? "\"\(shown)\"" : "\"\(shown)...\""
}
