// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON
import X86CPU

extension UnavailableFeature: JSONWritable {
    /// Writes the feature's name, the reason as a sentence, and the feature's place.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("feature", FeatureRegistry.shared.name(of: feature))
            writer.member("reason", reasonText)
            switch feature.word.position {
            case .cpuid(let leaf, let subleaf, let register):
                writer.member("leaf", hex32: leaf)
                writer.member("subleaf", hex: UInt64(subleaf.index))
                writer.member("register", register.description)
                writer.member("bit", feature.bit)
            case .msr(let index, let allowedOne):
                writer.member("msr", "0x" + String(index, radix: 16))
                writer.member("bit", allowedOne ? feature.bit + 32 : feature.bit)
            }
        }
    }

    static let schema = Schema.object(
        [
            .required("feature", .string("")), .required("reason", .string("")),
            .optional("leaf", .hex("")), .optional("subleaf", .hex("")),
            .optional("register", .choice(CPUIDRegister.allCases.map(\.description), "")),
            .optional("msr", .hex("")), .required("bit", .integer(0...63, "")),
        ], "")
}
