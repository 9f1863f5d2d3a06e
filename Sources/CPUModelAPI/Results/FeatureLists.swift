// SPDX-License-Identifier: Apache-2.0

import JSON
import X86CPU

extension JSONWriter {
    /// Writes a member whose value is a list of features by name, in order of word and bit.
    mutating func member(_ key: String, features: FeatureSet) {
        let registry = FeatureRegistry.shared
        array(key) { writer in
            for feature in features { writer.string(registry.name(of: feature)) }
        }
    }
}

extension JSONWriter {
    /// Writes the members that say where a feature is: `leaf`, `subleaf` and `register`, or `msr`, and `bit`.
    mutating func writePlace(of feature: Feature) {
        switch feature.word.position {
        case .cpuid(let leaf, let subleaf, let register):
            member("leaf", hex32: leaf)
            member("subleaf", hex: UInt64(subleaf.index))
            member("register", register.description)
            member("bit", feature.bit)
        case .msr(let index, let allowedOne):
            member("msr", "0x" + String(index, radix: 16))
            member("bit", allowedOne ? feature.bit + 32 : feature.bit)
        }
    }
}

extension Schema {
    /// The members that say where a feature is.
    static let optionalPlace: [Member] = [
        .optional("leaf", .hex("")), .optional("subleaf", .hex("")),
        .optional("register", .choice(CPUIDRegister.allCases.map(\.description), "")), .optional("msr", .hex("")),
        .optional("bit", .integer(0...63, "")),
    ]

    static func features(_ description: String) -> Schema {
        .array(.string(""), description.isEmpty ? "features by name" : "features by name: \(description)")
    }
}
