// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON
import X86CPU

extension TableDifference: JSONWritable {
    /// Writes the place, what was wanted and got, the class, and the bits with their names.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch place {
            case .entry(let leaf, let subleaf):
                writer.member("leaf", hex32: leaf)
                writer.member("subleaf", hex: UInt64(subleaf))
            case .register(let leaf, let subleaf, let register):
                writer.member("leaf", hex32: leaf)
                writer.member("subleaf", hex: UInt64(subleaf))
                writer.member("register", register.description)
                writer.member("want", hex32: UInt32(truncatingIfNeeded: want))
                writer.member("got", hex32: UInt32(truncatingIfNeeded: got))
            case .msr(let index):
                writer.member("msr", "0x" + String(index, radix: 16))
                writer.member("want", hex: want, width: 16)
                writer.member("got", hex: got, width: 16)
            }
            writer.member("class", kind.rawValue)
            if !missing.isEmpty { writer.member("unpredicted", missing.map(\.rawValue)) }
            writeBits(to: &writer)
        }
    }

    private func writeBits(to writer: inout JSONWriter) {
        let features = features
        guard !features.isEmpty else { return }
        writer.array("bits") { writer in
            for feature in features {
                writer.object { writer in
                    writer.member("bit", feature.bit)
                    writer.member("feature", FeatureRegistry.shared.name(of: feature))
                }
            }
        }
    }

    static let schema = Schema.object(
        [
            .optional("leaf", .hex("")), .optional("subleaf", .hex("")),
            .optional("register", .choice(CPUIDRegister.allCases.map(\.description), "")),
            .optional("msr", .hex("")),
            .optional("want", .hex("")), .optional("got", .hex("")),
            .required("class", .choice(Kind.allCases.map(\.rawValue), "what KVM did")),
            .optional(
                "unpredicted",
                .array(
                    .choice(VCPUStateSource.allCases.map(\.rawValue), ""),
                    "what is not known of the vCPU, so that runtime bits could not be predicted")),
            .optional(
                "bits",
                .array(
                    .object([.required("bit", .integer(0...63, "")), .required("feature", .string(""))], ""),
                    "the features among the changed bits")),
        ], "")
}
