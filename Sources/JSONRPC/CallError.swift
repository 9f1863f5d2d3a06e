// SPDX-License-Identifier: Apache-2.0

/// Why a request of ours has no result.
public enum CallError: Error, Equatable, Sendable {
    /// The connection ended before the answer came.
    case gone
    /// The answer did not come in time.
    case deadline(Duration)
    /// The other side answered with an error.
    case refused(RPCError)
    /// The answer is not one of JSON-RPC. The text says why: the rest of a sentence about "the answer".
    case malformed(String)
}

extension CallError: CustomStringConvertible {
    /// What happened, in one sentence.
    public var description: String {
        switch self {
        case .gone: "the connection ended before the answer came"
        case .deadline(let time): "the answer did not come within \(time)"
        case .refused(let error): "the client answered with error \(error.code): \(error.message)"
        case .malformed(let reason): "the answer makes no sense: \(reason)"
        }
    }
}
