// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON

/// The result of `model.detect`.
public struct DetectResult: JSONWritable {
    private let detection: Detection

    /// A result of this detection.
    public init(_ detection: Detection) { self.detection = detection }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        let best = detection.best
        writer.object { writer in
            writer.member("model", best.version.name)
            writer.member("expression", best.expression)
            writer.member("guestExpression", best.guestExpression)
            writer.member("reason", best.reason)
            writer.member("added", features: best.added)
            writer.member("removed", features: best.removed)
            writer.member("idle", features: best.idle)
            writer.member("blocked", features: best.blocked)
            writer.array("candidates") { writer in
                for candidate in detection.candidates {
                    writer.object { writer in
                        writer.member("model", candidate.version.name)
                        writer.member("distance", candidate.distance)
                        writer.member("reason", candidate.reason)
                    }
                }
            }
        }
    }

    static let schema = Schema.object(
        [
            .required("model", .string("the nearest model")),
            .required("expression", .string("the model with what differs from its definition")),
            .required("guestExpression", .string("the model expression that gives a guest exactly the CPU's features")),
            .required("reason", .string("why this one")),
            .required("added", .features("what the CPU has and the model has not")),
            .required("removed", .features("what the model has and the CPU has not")),
            .required("idle", .features("what the model has and nobody would see")),
            .required("blocked", .features("what cannot be had with this name")),
            .required(
                "candidates",
                .array(
                    .object(
                        [
                            .required("model", .string("")), .required("distance", .integer(0...(.max), "")),
                            .required("reason", .string("")),
                        ], ""), "the best first")),
        ], "")
}
