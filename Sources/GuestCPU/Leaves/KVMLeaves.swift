// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 0x40000000 and 0x40000001: KVM's signature and paravirtual features.
///
/// Linux, Documentation/virt/kvm/x86/cpuid.rst.
enum KVMLeaves {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        [
            CPUIDEntry(0x4000_0000, eax: 0x4000_0001, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x0000_004D),
            CPUIDEntry(0x4000_0001, eax: inputs.bits(.leaf40000001_eax), edx: inputs.bits(.leaf40000001_edx)),
        ]
    }
}
