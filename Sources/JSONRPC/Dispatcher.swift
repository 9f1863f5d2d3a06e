// SPDX-License-Identifier: Apache-2.0

import JSON
public import Reactor

/// Which method answers what: shared by all connections.
@ReactorActor
public final class Dispatcher {
    /// A request that was answered, for those who count.
    public struct Finished: Sendable {
        /// The method; only names of methods that exist.
        public let method: String
        /// The code of the error it was answered with.
        public let errorCode: Int?
        /// From the arrival of the request to its answer.
        public let duration: Duration
    }

    private let methods: [String: ServedMethod]

    /// Gives the nearest name for one that is none, for the message.
    public var suggestion: @ReactorActor (_ name: String) -> String? = { _ in nil }

    /// Is told of every request that was answered.
    public var onFinish: (@ReactorActor (Finished) -> Void)?

    /// A dispatcher for these methods. Of two with the same name the last one counts.
    public init(_ methods: [ServedMethod]) {
        self.methods = Dictionary(methods.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }

    /// The method for a request, if this socket serves it.
    func method(named name: String, on kind: Connection.Kind) throws(RPCError) -> ServedMethod {
        guard let method = methods[name] else {
            let hint = suggestion(name).map { "; did you mean '\($0)'?" } ?? "."
            throw RPCError(
                code: RPCError.Code.methodNotFound, message: "There is no method '\(abbreviated(name))'\(hint)")
        }
        guard kind == .full || method.isQuery else {
            throw RPCError(
                code: RPCError.Code.notPermitted,
                message: "The query socket does not serve '\(name)', which may change something.",
                data: ["kind": "notPermitted"])
        }
        return method
    }

    /// A name of the client's choice as it may stand in a message.
    private func abbreviated(_ name: String) -> String {
        name.count <= 64 ? name : name.prefix(64) + "..."
    }

    /// When a request started, if anybody wants to know.
    var startTime: ContinuousClock.Instant? { onFinish == nil ? nil : .now }

    func finished(_ method: String, errorCode: Int?, since start: ContinuousClock.Instant?) {
        guard let onFinish, let start else { return }
        onFinish(Finished(method: method, errorCode: errorCode, duration: start.duration(to: .now)))
    }
}
