// SPDX-License-Identifier: Apache-2.0

public import Descriptors
import Reactor

/// What happens to connections, for whoever keeps the log.
public enum TransportEvent: Sendable {
    /// A client has connected.
    case opened(Connection)
    /// A connection has ended.
    case closed(Connection, CloseReason)
    /// A client broke the rules in a way that costs it its connection; it was told why.
    case fault(Connection, RPCError)
    /// A client answered a request that nobody waits for: it was too late, or there was none.
    case strayResponse(Connection, RequestID)
    /// A handler failed with an error that the client must not see.
    case handlerFailed(Connection, method: String, any Error)
    /// A client was turned away when it connected; who it was is not known when there was no descriptor left to ask by.
    case refused(RPCError, Peer?)
    /// The kernel gives no connection. Accepting goes on in a moment.
    case acceptFailed(SystemError)
}

/// Why a connection ended.
public enum CloseReason: Hashable, Sendable {
    /// The client has closed it, or ended.
    case peerClosed
    /// The client broke the rules: see ``TransportEvent/fault(_:_:)``.
    case fault
    /// The client did not read its answers.
    case outputLimit
    /// The kernel reports an error.
    case failed(SystemError)
    /// We closed it.
    case closedHere
}

extension CloseReason: CustomStringConvertible {
    /// The reason in words.
    public var description: String {
        switch self {
        case .peerClosed: "closed by the client"
        case .fault: "closed after a protocol fault"
        case .outputLimit: "dropped because the client does not read its answers"
        case .failed(let error): "\(error)"
        case .closedHere: "closed by the daemon"
        }
    }
}
