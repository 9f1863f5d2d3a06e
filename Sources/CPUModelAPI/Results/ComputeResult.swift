// SPDX-License-Identifier: Apache-2.0

import CPUModels
public import GuestCPU
public import JSON
import X86CPU

/// The result of `table.compute`.
public struct ComputeResult: JSONWritable, Sendable {
    private let guest: GuestTables
    private let vcpus: [Int]
    private let explanations: [GuestExplanation]

    /// The tables of these vCPUs, and explanations of them where they were asked for.
    public init(_ guest: GuestTables, vcpus: [Int], explanations: [GuestExplanation] = []) {
        self.guest = guest
        self.vcpus = vcpus
        self.explanations = explanations
    }

    /// Writes the tables.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("model", guest.model.name)
            writer.member("expression", guest.model.expression)
            writer.member("topology", guest.topology)
            writer.member(
                "stamp", Stamp(table: guest.tables.first ?? CPUIDTable(), featureMSRs: guest.featureMSRs).description)
            writer.array("vcpus") { writer in
                for (number, position) in vcpus.enumerated() {
                    writer.object { writer in
                        writer.member("index", position)
                        writer.member("apicId", guest.apicIDs[position])
                        writer.member("cpuid", guest.tables[position])
                        if number < explanations.count {
                            writer.member("explanation", explanations[number].registers)
                        }
                    }
                }
            }
            writer.member("featureMSRs", MSRValues(guest.featureMSRs))
            writer.member("dropped", guest.missing)
            writer.member("notes", guest.notes.map(\.description))
            writer.member("requirements", guest.requirements)
        }
    }

    static let schema = Schema.object(
        [
            .required("model", .string("")), .required("expression", .string("")),
            .required("topology", Topology.schema),
            .required("stamp", .string("of the table, if KVM takes it as it is")),
            .required(
                "vcpus",
                .array(
                    .object(
                        [
                            .required("index", .integer(0...4095, "place in topology order")),
                            .required("apicId", .integer(0...(.max), "")),
                            .required("cpuid", .cpuidTable("in the order in which KVM is to have it")),
                            .optional(
                                "explanation", .array(GuestExplanation.Register.schema, "where \"explain\" was given")),
                        ], ""), "")),
            .required("featureMSRs", .msrs("to be written on every vCPU after its table is set")),
            .required("dropped", .array(UnavailableFeature.schema, "what was left out")),
            ApplyResult.notesMember,
            .required("requirements", .array(LauncherRequirement.schema, LauncherRequirement.meaning)),
        ], "")
}
