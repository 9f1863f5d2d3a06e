// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The error with which the daemon answered a call. The article Protocol of CPUModelAPI lists codes and kinds.
public struct DaemonError: Error, Sendable, Equatable {
    /// The code: one of JSON-RPC's own, -32700 to -32600, or one of cpumodeld, -32099 to -32000.
    public let code: Int64
    /// One sentence for a person.
    public let message: String
    /// What a program can act on.
    public let data: JSONObject

    /// What went wrong, as a word for programs: `unknownModel`, `featuresUnavailable` and so on. JSON-RPC's own errors
    /// have none.
    public var kind: String? { data["kind"]?.stringValue }

    /// An error from its parts.
    public init(code: Int64, message: String, data: JSONObject = JSONObject()) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// An error from the `error` of an answer.
    init(reading error: JSONValue) throws(JSONShapeError) {
        guard let object = error.objectValue else {
            throw JSONShapeError(path: "error", message: "must be an object, not \(error.kindName)")
        }
        var reader = ObjectReader(object, path: "error")
        code = try reader.integer("code")
        message = try reader.string("message")
        data = reader.value("data")?.objectValue ?? JSONObject()
    }
}

extension DaemonError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}
