// SPDX-License-Identifier: Apache-2.0

/// Why a call has no result.
public enum ClientError: Error, Sendable, Equatable {
    /// The daemon could not be reached, or went away.
    case connection(ConnectionError)
    /// The daemon answered with an error.
    case daemon(DaemonError)
    /// What the daemon answered is no answer of this protocol; the text says why.
    case badAnswer(String)
}

extension ClientError: CustomStringConvertible {
    /// One sentence for a person.
    public var description: String {
        switch self {
        case .connection(let error): error.description
        case .daemon(let error): error.description
        case .badAnswer(let why): "the answer of cpumodeld makes no sense: \(why)"
        }
    }
}
