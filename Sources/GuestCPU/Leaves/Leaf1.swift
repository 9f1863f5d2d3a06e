// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaf 1: signature, and the oldest feature flags.
///
/// EBX: [15:8] CLFLUSH line in units of 8 bytes, [23:16] logical CPUs per package, [31:24] initial APIC id. Intel SDM
/// volume 2, CPUID; AMD APM volume 3, E.3.2.
enum Leaf1 {
    static func entry(_ inputs: LeafInputs) -> CPUIDEntry {
        let clflush: UInt32 = 64 / 8
        return CPUIDEntry(
            1, eax: inputs.model.signature.eax, ebx: clflush << 8 | logicalCPUs(inputs) << 16,
            ecx: inputs.bits(.leaf1_ecx), edx: inputs.bits(.leaf1_edx))
    }

    /// On Intel the number of APIC ids that a package reserves, a power of two; on AMD the number of logical CPUs. The
    /// field is valid only with HTT, and holds at most 255.
    private static func logicalCPUs(_ inputs: LeafInputs) -> UInt32 {
        guard inputs.features.contains(.ht) else { return 0 }
        let count =
            inputs.vendor.isAMDLike
            ? inputs.topology.logicalCPUs(in: .socket) : 1 << inputs.topology.apicIDBits(in: .socket)
        return min(count, 255)
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(1, .eax, by: .model, "its family, model and stepping"),
        FieldOrigin(1, .ebx, mask: 0xFF00_0000, by: .vcpu, "its APIC id"),
        FieldOrigin(1, .ebx, mask: 0x00FF_0000, by: .topology, "ids that a package has; valid with ht"),
        FieldOrigin(1, .ebx, mask: 0x0000_FF00, by: .architecture, "lines of 64 bytes on every 64-bit CPU"),
    ]
}
