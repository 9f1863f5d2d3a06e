// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaf 7: structured extended feature flags. Subleaf 0 EAX is the highest subleaf.
///
/// Intel SDM volume 2, CPUID; AMD APM volume 3, E.3.6.
enum Leaf7 {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let subleaf1 = CPUIDEntry(
            7, .exact(1), eax: inputs.bits(.leaf7_1_eax), ebx: inputs.bits(.leaf7_1_ebx),
            ecx: inputs.bits(.leaf7_1_ecx), edx: inputs.bits(.leaf7_1_edx))
        let subleaf2 = CPUIDEntry(7, .exact(2), edx: inputs.bits(.leaf7_2_edx))
        let highest: UInt32 = !subleaf2.isZero ? 2 : !subleaf1.isZero ? 1 : 0
        let subleaf0 = CPUIDEntry(
            7, .exact(0), eax: highest, ebx: inputs.bits(.leaf7_0_ebx), ecx: inputs.bits(.leaf7_0_ecx),
            edx: inputs.bits(.leaf7_0_edx))
        if subleaf0.isZero { return [] }
        return Array([subleaf0, subleaf1, subleaf2].prefix(Int(highest) + 1))
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(7, subleaf: 0, .eax, by: .model, "the highest subleaf with a feature in it")
    ]
}
