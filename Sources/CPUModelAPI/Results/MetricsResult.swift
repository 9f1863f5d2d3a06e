// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `daemon.metrics`.
public struct MetricsResult: JSONWritable, Sendable {
    /// The media type of the text.
    public let contentType: String
    /// The metrics.
    public let text: String

    /// A result from its parts.
    public init(contentType: String, text: String) {
        self.contentType = contentType
        self.text = text
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("contentType", contentType)
            writer.member("text", text)
        }
    }

    static let schema = Schema.object(
        [
            .required("contentType", .string("media type of the text: OpenMetrics 1.0")),
            .required("text", .string("the metrics")),
        ], "")
}
