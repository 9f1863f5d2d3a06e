// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 0x40000000 to 0x4000000A where the guest is offered Microsoft's hypervisor interface. KVM's own leaves then
/// begin at 0x40000100.
///
/// Hypervisor Top Level Functional Specification 6.0b, 2.4; the version told is Windows Server 2016's, and the limits
/// are those that QEMU tells.
enum HyperVLeaves {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let features = inputs.options.hyperV
        guard !features.isEmpty else { return [] }
        let isNested = features.contains { $0.bits.contains { $0.leaf == 0x4000_000A } } || features.contains(.evmcs)
        var entries = [
            CPUIDEntry(
                0x4000_0000, eax: isNested ? 0x4000_000A : 0x4000_0005, ebx: 0x7263_694D, ecx: 0x666F_736F,
                edx: 0x7648_2074),
            CPUIDEntry(0x4000_0001, eax: 0x3123_7648),
            CPUIDEntry(0x4000_0002, eax: 0x3839, ebx: 0x000A_0000),
            // The hypercall MSRs come with any part of the interface; so do the rights to post messages and signal
            // events, and the notice that CPUs may come and go.
            CPUIDEntry(0x4000_0003, eax: 1 << 5, ebx: 1 << 4 | 1 << 5, edx: 1 << 3),
            // EBX: how often to try a spinlock before telling the hypervisor; never.
            CPUIDEntry(0x4000_0004, ebx: 0xFFFF_FFFF),
            CPUIDEntry(0x4000_0005, eax: 64),
        ]
        if isNested { entries += (UInt32(0x4000_0006)...0x4000_000A).map { CPUIDEntry($0) } }
        for bits in features.flatMap(\.bits) {
            guard let position = entries.firstIndex(where: { $0.leaf == bits.leaf }) else { continue }
            entries[position][bits.register] |= bits.mask
        }
        // Bits 15:0: versions 1 to 1 of the enlightened VMCS.
        if features.contains(.evmcs), let last = entries.indices.last { entries[last].eax |= 0x0101 }
        return entries
    }
}
