// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 0xA, 0x1C and 0x80000022: performance counters and last branch records, which are the host's: KVM offers its
/// own counters or none.
enum PMULeaves {
    /// 0xA: EAX[7:0] version, [15:8] counters, [23:16] their width, [31:24] events that EBX tells of, where 1 means "not
    /// there"; EDX[4:0] fixed counters, [12:5] their width (Intel SDM volume 2, CPUID).
    static func architectural(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.options.hasPMU, !inputs.vendor.isAMDLike, let host = inputs.host.supported[0xA], !host.isZero
        else { return [] }
        return [CPUIDEntry(0xA, eax: host.eax, ebx: host.ebx, ecx: host.ecx, edx: host.edx)]
    }

    /// 0x1C: EAX[7:0] depths of the stack, EBX and ECX its filters (Intel SDM volume 2, CPUID).
    static func lastBranchRecords(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.archLbr), let host = inputs.host.supported[0x1C] else { return [] }
        return [CPUIDEntry(0x1C, .exact(0), eax: host.eax, ebx: host.ebx, ecx: host.ecx, edx: host.edx)]
    }

    /// 0x80000022: EAX[0] PerfMonV2, EBX[3:0] core counters (AMD APM volume 3, E.4.20).
    static func extended(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let flags = inputs.bits(.leaf80000022_eax)
        guard flags != 0 else { return [] }
        return [CPUIDEntry(0x8000_0022, eax: flags, ebx: inputs.host.supported.value(0x8000_0022, 0, .ebx) & 0xF)]
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0xA, by: .host, "its counters, since a PMU was asked for"),
        FieldOrigin(0x1C, by: .host, "its last branch records"),
        FieldOrigin(0x8000_0022, .ebx, by: .host, "its counters, since a PMU was asked for"),
    ]
}
