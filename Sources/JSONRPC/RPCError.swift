// SPDX-License-Identifier: Apache-2.0

public import JSON

/// An error object of JSON-RPC 2.0 (section 5.1), to be sent or as received.
public struct RPCError: Error, Equatable, Sendable {
    /// What kind of error it is, for programs.
    public let code: Int

    /// One sentence for a person.
    public let message: String

    /// What a program can act on.
    public let data: JSONObject?

    /// An error from its parts.
    public init(code: Int, message: String, data: JSONObject? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }
}

extension RPCError {
    /// The codes that the transport itself answers with: JSON-RPC's own, and those of the protocol that are not a
    /// matter of a method.
    public enum Code {
        /// The line is not JSON.
        public static let parseError = -32700
        /// The JSON is not a request.
        public static let invalidRequest = -32600
        /// There is no such method.
        public static let methodNotFound = -32601
        /// The method does not take these parameters, or takes no descriptors.
        public static let invalidParams = -32602
        /// The program failed in a way that is not the caller's fault.
        public static let internalError = -32603
        /// Descriptors and declaration disagree.
        public static let descriptorCount = -32021
        /// This socket does not serve the method.
        public static let notPermitted = -32040
        /// A limit was reached.
        public static let limitExceeded = -32060
    }
}

extension RPCError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}

/// An error that knows how it is to be answered.
public protocol RPCErrorConvertible: Error {
    /// The error object to answer with.
    var rpcError: RPCError { get }
}

extension RPCError: RPCErrorConvertible {
    /// The error itself.
    public var rpcError: RPCError { self }
}

extension JSONShapeError: RPCErrorConvertible {
    /// Invalid parameters: the path and what is wrong there.
    public var rpcError: RPCError {
        RPCError(code: RPCError.Code.invalidParams, message: description)
    }
}

extension RPCError {
    /// How an error that a handler threw is answered. What the client is not meant to know stays here.
    init(answering error: any Error) {
        let known = error as? any RPCErrorConvertible
        self = known?.rpcError ?? RPCError(code: Code.internalError, message: "The request failed inside the daemon.")
    }

    static func descriptorCount(_ message: String, declared: Int? = nil, received: Int) -> RPCError {
        var data = JSONObject([("kind", .string("descriptorCount"))])
        if let declared { data.set(.integer(Int64(declared)), for: "declared") }
        data.set(.integer(Int64(received)), for: "received")
        return RPCError(code: Code.descriptorCount, message: message, data: data)
    }

    static func limitExceeded(_ message: String, limit: String, value: Int) -> RPCError {
        RPCError(
            code: Code.limitExceeded, message: message,
            data: JSONObject([
                ("kind", .string("limitExceeded")), ("limit", .string(limit)), ("value", .integer(Int64(value))),
            ]))
    }
}

extension RPCError: JSONWritable {
    /// Writes the error object.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("code", code)
            writer.member("message", message)
            if let data { writer.member("data", data) }
        }
    }
}
