// SPDX-License-Identifier: Apache-2.0

public import Descriptors
public import JSON
import Reactor

/// A request or notification, as a handler gets it.
public struct Request: Sendable {
    /// The id; `nil` for a notification, whose answer goes nowhere.
    public let id: RequestID?

    /// The name of the method.
    public let method: String

    /// The parameters, empty when there were none. The member `fds` is still there.
    public let params: JSONObject

    /// The descriptors that came with the request, in order. They are closed when nobody refers to them any more.
    public let descriptors: [SharedDescriptor]

    /// Where it came from, and where to call back.
    public let connection: Connection

    /// Who sent it.
    public var peer: Peer { connection.peer }
}

/// The result of a request.
public enum Reply {
    /// A JSON text.
    case encoded([UInt8])
    /// What the closure writes: exactly one value. It is called at once, and goes straight to the connection.
    case written((inout JSONWriter) -> Void)

    /// A result that can write itself.
    public static func value(_ value: some JSONWritable) -> Reply {
        .written { value.write(to: &$0) }
    }
}

/// What answers the requests of one method.
///
/// An error that is ``RPCErrorConvertible``, such as ``RPCError`` and `JSONShapeError`, is answered as it says; any
/// other as an internal error that tells the client nothing.
public enum MethodHandler: Sendable {
    /// Answers without waiting for anything, within the wake-up that brought the request.
    case immediate(@ReactorActor (Request) throws -> Reply)
    /// Runs as a task of the reactor; later requests may be answered first.
    case asynchronous(@ReactorActor (Request) async throws -> Reply)
}

/// A method and what it takes to be allowed to call it.
public struct ServedMethod: Sendable {
    /// Its name.
    public let name: String

    /// Whether query sockets serve it: it changes nothing.
    public let isQuery: Bool

    /// Whether its requests carry descriptors.
    public let takesDescriptors: Bool

    /// What answers.
    public let handler: MethodHandler

    /// A method from its parts.
    public init(_ name: String, isQuery: Bool, takesDescriptors: Bool = false, handler: MethodHandler) {
        self.name = name
        self.isQuery = isQuery
        self.takesDescriptors = takesDescriptors
        self.handler = handler
    }
}
