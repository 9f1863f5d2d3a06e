// SPDX-License-Identifier: Apache-2.0

import JSON

/// A message of JSON-RPC 2.0, read from an object.
enum Message {
    /// A request, or a notification when there is no id.
    case request(id: RequestID?, method: String, params: JSONObject)
    /// The answer to a request of ours.
    case response(id: RequestID, Result<JSONValue, CallError>)
    /// Neither; `id` is `.null` when it cannot be read.
    case invalid(id: RequestID, RPCError)

    /// The id to answer with, if any.
    var id: RequestID? {
        switch self {
        case .request(let id, _, _): id
        case .response(let id, _), .invalid(let id, _): id
        }
    }

    init(_ object: JSONObject) {
        let members = Members(object)
        self = members.method == nil && members.isResponse ? members.response() : members.request()
    }

    /// How many descriptors an object declares that it comes with; `nil` when that cannot be read. Asked of everything
    /// that is an object, for the descriptors of a request that is refused must not go to the next one.
    static func declaredDescriptors(of object: JSONObject) -> Int? {
        guard case .object(let params)? = object["params"], let fds = params["fds"] else { return 0 }
        guard case .integer(let count) = fds, count >= 0 else { return nil }
        return Int(exactly: count)
    }
}

/// The members of a message by name.
private struct Members {
    var version: JSONValue?
    var id: JSONValue?
    var method: JSONValue?
    var params: JSONValue?
    var result: JSONValue?
    var error: JSONValue?
    var unknown: String?

    init(_ object: JSONObject) {
        for (key, value) in object {
            switch key {
            case "jsonrpc": version = value
            case "id": id = value
            case "method": method = value
            case "params": params = value
            case "result": result = value
            case "error": error = value
            default: unknown = unknown ?? key
            }
        }
    }

    var isResponse: Bool { result != nil || error != nil }

    func request() -> Message {
        let answerID = id.flatMap(RequestID.init) ?? .null
        func invalid(_ message: String, code: Int = RPCError.Code.invalidRequest) -> Message {
            .invalid(id: answerID, RPCError(code: code, message: message))
        }
        guard version == .string("2.0") else { return invalid("The member 'jsonrpc' must be \"2.0\".") }
        guard let method else { return invalid("The member 'method' is missing.") }
        guard case .string(let name) = method else { return invalid("The member 'method' must be a string.") }
        if id != nil, id.flatMap(RequestID.init) == nil {
            return invalid("The member 'id' must be a string, a whole number of at most 64 bits, or null.")
        }
        if isResponse || unknown != nil {
            return invalid("A request has no other members than 'jsonrpc', 'id', 'method' and 'params'.")
        }
        switch params {
        case nil: return .request(id: id.map { _ in answerID }, method: name, params: JSONObject())
        case .object(let params): return .request(id: id.map { _ in answerID }, method: name, params: params)
        case .array:
            return invalid("The parameters are given by name, in an object.", code: RPCError.Code.invalidParams)
        default: return invalid("The member 'params' must be an object.")
        }
    }

    func response() -> Message {
        .response(id: id.flatMap(RequestID.init) ?? .null, outcome())
    }

    private func outcome() -> Result<JSONValue, CallError> {
        guard version == .string("2.0") else { return .failure(.malformed("its member 'jsonrpc' is not \"2.0\"")) }
        guard unknown == nil, params == nil else {
            return .failure(.malformed("it has other members than 'jsonrpc', 'id', 'result' and 'error'"))
        }
        switch (result, error) {
        case (let result?, nil):
            return .success(result)
        case (nil, .object(let error)):
            guard case .integer(let code)? = error["code"], case .string(let message)? = error["message"] else {
                return .failure(.malformed("its error has no 'code' or no 'message'"))
            }
            return .failure(
                .refused(RPCError(code: Int(code), message: message, data: error["data"]?.objectValue)))
        case (nil, _): return .failure(.malformed("its member 'error' is not an object"))
        default: return .failure(.malformed("it has both a result and an error"))
        }
    }
}
