// SPDX-License-Identifier: Apache-2.0

/// A line of a file.
public struct SourceLocation: Sendable, Hashable {
    /// The file, as whoever read it called it.
    public let file: String

    /// The line; the first is 1.
    public let line: Int

    /// A line of a file.
    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }
}

extension SourceLocation: CustomStringConvertible {
    /// As compilers write it, so that editors find it: `cpumodeld.conf:12`.
    public var description: String { "\(file):\(line)" }
}
