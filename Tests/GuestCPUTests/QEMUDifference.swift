// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import X86CPU

/// Why a register of ours may differ from QEMU's.
enum QEMUDifference {
    static func reason(
        _ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, ours: UInt32, theirs: UInt32, guest: GuestCPU
    ) -> String? {
        let isAMD = guest.model.vendor.isAMDLike
        if guest.model.vendor == .hygon, [2, 4, 0x8000_0001].contains(leaf) {
            return "2, 4, 0x80000001: QEMU gives AMD's layout to AuthenticAMD alone; Hygon's CPUs have it too"
        }
        switch (leaf, subleaf, register) {
        case (5, _, .ecx) where ours == 0:
            return "5.ECX: QEMU tells of MONITOR extensions to guests without MONITOR"
        case (0xD, 0, .ebx) where ours == 0x240, (0xD, 1, .ebx) where ours == 0x240 || ours == 0:
            return "0xD.EBX: QEMU passes the size of its own state; KVM makes it that of the vCPU's, as ours is"
        case (7, 0, .eax) where theirs > ours:
            return "7.EAX: QEMU keeps the subleaf of features that the host lacks"
        case (0x8000_001E, _, .ecx) where guest.topology.dies > 1 || guest.topology.sockets > 1:
            return "0x8000001E.ECX: QEMU 10 counts no nodes; QEMU 7.2 starts anew in every socket"
        case (1, _, .ebx) where guest.topology.dies > 1, (0xB, 1, .ebx) where guest.topology.dies > 1,
            (0x8000_0008, _, .ecx) where guest.topology.dies > 1:
            return "1, 0xB, 0x80000008: QEMU 7.2 leaves dies out of the count of CPUs in a package; QEMU 10 does not"
        case (1, _, .ebx) where guest.topology.vcpuCount & (guest.topology.vcpuCount - 1) != 0,
            (4, _, .eax) where guest.topology.vcpuCount & (guest.topology.vcpuCount - 1) != 0,
            (0x8000_001D, _, .eax) where guest.topology.vcpuCount & (guest.topology.vcpuCount - 1) != 0:
            return "1, 4, 0x8000001D: QEMU 7.2 counts CPUs where Intel and AMD count APIC ids; QEMU 10 does not"
        case (4, 0...1, .eax) where ours & ~0x03FF_C000 == theirs & ~0x03FF_C000:
            return "4.EAX: before pc-q35-10.0 QEMU gives every thread first-level caches of its own"
        case (4, _, .eax) where guest.topology.dies > 1:
            return "4.EAX: QEMU 7.2 leaves dies out of the count of cores in a package; QEMU 10 does not"
        case (7, 0, .ebx) where ours ^ theirs == 1 << 9, (7, 0, .edx) where ours ^ theirs == 1 << 4:
            return "7: QEMU 7.2 shows ERMS and FSRM only where KVM lists them; every CPU that has them may"
        case (2, _, _) where !isAMD:
            return "2: QEMU describes the caches of another CPU than leaf 4; ours refers to leaf 4"
        case (0x8000_0001, _, .eax) where !isAMD && ours == 0, (0x8000_0000, _, _) where !isAMD && ours == 0,
            (0x8000_0005, _, _) where !isAMD && ours == 0, (0x8000_0008, _, .ecx) where !isAMD && ours == 0:
            return "0x8000000x: QEMU fills in AMD's fields, which Intel reserves"
        case (0x8000_0006, _, _) where !isAMD:
            return "0x80000006: QEMU fills in AMD's fields, and the caches of another CPU than leaf 4"
        default:
            return nil
        }
    }
}
