// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The id of a request, chosen by whoever sends it and sent back with the answer.
public enum RequestID: Hashable, Sendable {
    /// An id that JSON-RPC allows but discourages; also that of an answer to what had no readable id.
    case null
    /// A whole number.
    case integer(Int64)
    /// A string.
    case string(String)

    /// The id that a value stands for; `nil` for what cannot be one. A number with a fraction, or beyond 64 bits, is
    /// none: it could not be sent back as it came.
    init?(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .integer(let number): self = .integer(number)
        case .string(let text): self = .string(text)
        default: return nil
        }
    }
}

extension RequestID: JSONWritable {
    /// Writes the id.
    public func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .integer(let number): writer.integer(number)
        case .string(let text): writer.string(text)
        }
    }
}

extension RequestID: CustomStringConvertible {
    /// The id as text, for logs.
    public var description: String {
        switch self {
        case .null: "null"
        case .integer(let number): "\(number)"
        case .string(let text): text
        }
    }
}
