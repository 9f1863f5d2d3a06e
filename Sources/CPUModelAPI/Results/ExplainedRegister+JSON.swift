// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON
import X86CPU

extension GuestExplanation.Register: JSONWritable {
    /// Writes the register's place, its value and its fields.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("leaf", hex32: leaf)
            if let subleaf { writer.member("subleaf", hex: UInt64(subleaf)) }
            writer.member("register", register.description)
            writer.member("value", hex32: value)
            writer.array("fields") { writer in
                for field in fields {
                    writer.object { writer in
                        writer.member("low", field.bits.lowerBound)
                        writer.member("high", field.bits.upperBound)
                        writer.member("name", field.name)
                        writer.member("meaning", field.meaning)
                        writer.member("value", hex: UInt64(field.value))
                        writer.member("decidedBy", field.decision.decider.rawValue)
                        writer.member("reason", field.decision.reason)
                    }
                }
            }
        }
    }

    static let schema = Schema.object(
        [
            .required("leaf", .hex("")), .optional("subleaf", .hex("left out where it does not matter")),
            .required("register", .choice(CPUIDRegister.allCases.map(\.description), "")),
            .required("value", .hex("")),
            .required(
                "fields",
                .array(
                    .object(
                        [
                            .required("low", .integer(0...31, "lowest bit")),
                            .required("high", .integer(0...31, "highest bit")),
                            .required("name", .nullable(.string("for a feature the name that expressions use"))),
                            .required("meaning", .nullable(.string(""))),
                            .required("value", .hex("of the field, shifted to bit 0")),
                            .required(
                                "decidedBy", .choice(Decision.Decider.allCases.map(\.rawValue), "who decided it")),
                            .required("reason", .string("why, in words")),
                        ], ""), "from the lowest bit; bits that are zero and have no name are left out")),
        ], "")
}
