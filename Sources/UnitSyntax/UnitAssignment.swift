// SPDX-License-Identifier: Apache-2.0

/// A line `Key=value`.
///
/// The value is text; the methods that read it as something else name file, line and key when they cannot.
public struct UnitAssignment: Sendable, Hashable {
    /// What stands before the first `=`.
    public let key: String

    /// What stands behind it, without the space around it, continued lines joined. May be empty.
    public let value: String

    /// Where the assignment starts.
    public let location: SourceLocation

    /// An assignment.
    public init(key: String, value: String, location: SourceLocation) {
        self.key = key
        self.value = value
        self.location = location
    }

    /// An error about this assignment.
    ///
    /// - Parameter message: the rest of a sentence that starts with the key: `must not be empty`.
    public func error(_ message: String) -> UnitSyntaxError {
        UnitSyntaxError(location, "\(key)= \(message)")
    }

    func mismatch(_ expected: String) -> UnitSyntaxError {
        error(value.isEmpty ? "must be \(expected), not empty" : "must be \(expected), not \(quoted(value))")
    }
}
