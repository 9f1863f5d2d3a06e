// SPDX-License-Identifier: Apache-2.0

public import UnitSyntax

/// All that is wrong with a set of model files.
public struct CatalogError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, each with file and line, in the order of the files.
    public let problems: [UnitSyntaxError]

    /// One line for each problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
