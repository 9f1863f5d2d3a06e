// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 5 and 6: MONITOR lines, thermal and power management.
enum PowerLeaves {
    /// Leaf 5, only where the guest has MONITOR/MWAIT: EAX and EBX smallest and largest line in bytes; ECX[0]
    /// extensions are enumerated, ECX[1] interrupts break even when disabled (Intel SDM volume 2, CPUID).
    static func monitor(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.monitor) else { return [] }
        return [CPUIDEntry(5, eax: 64, ebx: 64, ecx: 0b11)]
    }

    /// Leaf 6: EAX[2] ARAT, the one bit that KVM supports.
    static func thermal(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let flags = inputs.bits(.leaf6_eax)
        return flags == 0 ? [] : [CPUIDEntry(6, eax: flags)]
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(5, by: .architecture, "lines of 64 bytes, for guests with monitor")
    ]
}
