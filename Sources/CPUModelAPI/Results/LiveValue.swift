// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// A value about a running vCPU: how it is known, and since when.
public struct LiveValue: Sendable, Hashable {
    /// What kinds of values there are.
    public enum Content: Sendable, Hashable {
        /// Whether something is on.
        case flag(Bool)
        /// A number of bytes.
        case bytes(UInt32)
        /// A register.
        case register(UInt64)
    }

    /// The value.
    public var content: Content
    /// Where it comes from.
    public var source: LiveSource
    /// How old it is at most, in milliseconds; nil where that cannot be told.
    public var ageMs: Int64?
    /// What would have to be known to say whether the value still holds; empty where nothing more is needed.
    public var missing: [VCPUStateSource]

    /// A value from its parts.
    public init(_ content: Content, from source: LiveSource, ageMs: Int64?, missing: [VCPUStateSource] = []) {
        self.content = content
        self.source = source
        self.ageMs = ageMs
        self.missing = missing
    }
}

extension LiveValue: JSONWritable {
    /// Writes `value`, `source`, `ageMs` and, where there is something, `missing`.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch content {
            case .flag(let isOn): writer.member("value", isOn)
            case .bytes(let count): writer.member("value", count)
            case .register(let value): writer.member("value", hex: value)
            }
            writer.member("source", source.rawValue)
            writer.member("ageMs", ageMs)
            if !missing.isEmpty { writer.member("missing", missing.map(\.rawValue)) }
        }
    }

    static func schema(_ value: Schema) -> Schema {
        .object(
            [
                .required("value", value), .required("source", LiveSource.schema),
                .required(
                    "ageMs", .nullable(.integer(0...(.max), "how old it is at most; null where that cannot be told"))),
                .optional(
                    "missing",
                    .array(
                        .choice(VCPUStateSource.allCases.map(\.rawValue), ""),
                        "what would have to be known to say whether the value still holds")),
            ], "")
    }
}
