// SPDX-License-Identifier: Apache-2.0

/// Why a JSON value, though well-formed, is not what was asked for.
public struct JSONShapeError: Error, Sendable, Equatable {
    /// Which value: `params.topology.cores`, `params.apicIds[3]`. Empty when the text as a whole is meant.
    public let path: String

    /// What is wrong with it, as the rest of a sentence that starts with the path: `must be a string, not an integer`.
    public let message: String

    /// An error about the value at this path.
    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }
}

extension JSONShapeError: CustomStringConvertible {
    /// The whole sentence: `params.topology.cores must be an integer, not a string`.
    public var description: String {
        path.isEmpty ? "the text \(message)" : "\(path) \(message)"
    }
}
