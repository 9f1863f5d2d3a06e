// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// KVM's own leaves: the signature at 0x40000000, or at 0x40000100 behind Microsoft's, and the paravirtual features in
/// the leaf after it.
///
/// Linux, Documentation/virt/kvm/x86/cpuid.rst.
enum KVMLeaves {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.options.exposesKVM else { return [] }
        let base = base(inputs)
        let timing = FrequencyLeaves.hypervisor(inputs)
        let highest = timing.last?.leaf ?? base + 1
        return [
            CPUIDEntry(base, eax: highest, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x0000_004D),
            CPUIDEntry(base + 1, eax: inputs.bits(.leaf40000001_eax), edx: inputs.bits(.leaf40000001_edx)),
        ] + timing
    }

    /// Where the leaves begin: guests look for a hypervisor's signature in steps of 0x100.
    static func base(_ inputs: LeafInputs) -> UInt32 { inputs.options.hyperV.isEmpty ? 0x4000_0000 : 0x4000_0100 }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x4000_0000...0x4000_000F, by: .hypervisor, "the hypervisor's signature, limits and features"),
        FieldOrigin(0x4000_0100...0x4000_010F, by: .hypervisor, "KVM's signature and features, behind Microsoft's"),
    ]
}
