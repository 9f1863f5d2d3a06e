// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON
import X86CPU

/// The result of `vm.checkMigration`.
public struct CheckMigrationResult: JSONWritable {
    private let check: MigrationCheck

    /// A result of this check.
    public init(_ check: MigrationCheck) { self.check = check }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in Self.writeMembers(of: check, to: &writer) }
    }

    private static func writeMembers(of check: MigrationCheck, to writer: inout JSONWriter) {
        writer.member("possible", check.isPossible)
        writer.array("hosts") { writer in
            for answer in check.answers { write(answer, to: &writer) }
        }
        writer.object("smallestChange") { writer in
            writer.member("sufficient", check.droppingHelps)
            writer.member("drop", features: check.toDrop)
            writer.member("model", check.fittingModel?.name)
        }
    }

    private static func write(_ answer: MigrationCheck.Answer, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("host", answer.host)
            writer.member("possible", answer.isPossible)
            writer.array("reasons") { writer in
                for obstacle in answer.obstacles {
                    write(obstacle.description, about: obstacle.feature, to: &writer)
                }
            }
            writer.array("cautions") { writer in
                for caution in answer.cautions { write(caution.description, about: caution.feature, to: &writer) }
            }
        }
    }

    private static func write(_ sentence: String, about feature: Feature?, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("reason", sentence)
            guard let feature else { return }
            writer.member("feature", FeatureRegistry.shared.name(of: feature))
            writer.writePlace(of: feature)
        }
    }

    private static let reason = Schema.object(
        [.required("reason", .string("a sentence")), .optional("feature", .string(""))] + Schema.optionalPlace, "")

    private static let members: [Schema.Member] = [
        .required("possible", .boolean("whether the guest can run on every host")),
        .required(
            "hosts",
            .array(
                .object(
                    [
                        .required("host", .string("")), .required("possible", .boolean("")),
                        .required("reasons", .array(reason, "why not")),
                        .required("cautions", .array(reason, "what should be known before")),
                    ], ""), "in the order of the request")),
        .required(
            "smallestChange",
            .object(
                [
                    .required("sufficient", .boolean("whether dropping features is enough")),
                    .required("drop", .features("without these the guest could run on all hosts")),
                    .required("model", .nullable(.string("the best model that runs on all hosts"))),
                ], "")),
    ]

    static let schema = Schema.object(
        [.required("possible", .boolean("whether the guest, or each of the VMs, can run on every host"))]
            + members.dropFirst().map { .optional($0.name, $0.schema) } + MigrationSweepResult.members, "")

    /// The shape of what is said of one guest among several.
    static let ofOneGuest = Schema.object(members, "what would be said of such a guest alone")
}
