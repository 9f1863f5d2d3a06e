// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaves 0x80000001, 7, 8, 0xA and 0x21: extended flags, power management, address sizes, SVM.
///
/// AMD APM volume 3, E.4; Intel SDM volume 2, CPUID.
enum ExtendedLeaves {
    /// The bits of 1.EDX that AMD repeats in 0x80000001.EDX.
    private static let repeated: UInt32 = 0x0183_F3FF

    /// 0x80000001: EAX the signature again on AMD, reserved on Intel.
    static func features(_ inputs: LeafInputs) -> CPUIDEntry {
        let isAMD = inputs.vendor.isAMDLike
        let copies = isAMD ? inputs.bits(.leaf1_edx) & repeated : 0
        return CPUIDEntry(
            0x8000_0001, eax: isAMD ? inputs.model.signature.eax : 0, ecx: inputs.bits(.leaf80000001_ecx),
            edx: inputs.bits(.leaf80000001_edx) | copies)
    }

    /// 0x80000007: EBX RAS, EDX[8] invariant TSC.
    static func powerManagement(_ inputs: LeafInputs) -> CPUIDEntry {
        CPUIDEntry(0x8000_0007, ebx: inputs.bits(.leaf80000007_ebx), edx: inputs.bits(.leaf80000007_edx))
    }

    /// 0x80000008: EAX[7:0] physical and [15:8] linear address bits, 57 with LA57 and 48 without; on AMD ECX[7:0]
    /// logical CPUs per package less one and ECX[15:12] id bits below the package.
    static func addressSizes(_ inputs: LeafInputs) -> CPUIDEntry {
        let linear: UInt32 = inputs.features.contains(.la57) ? 57 : 48
        var entry = CPUIDEntry(
            0x8000_0008, eax: linear << 8 | UInt32(inputs.physicalAddressBits), ebx: inputs.bits(.leaf80000008_ebx))
        let count = inputs.topology.logicalCPUs(in: .socket)
        if inputs.vendor.isAMDLike, count > 1 {
            entry.ecx = inputs.topology.apicIDBits(in: .socket) << 12 | min(count - 1, 0xFF)
        }
        return entry
    }

    /// 0x8000000A, with SVM: EAX[7:0] revision 1, EBX the number of ASIDs, EDX features.
    static func virtualization(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.svm) else { return [] }
        let nestedASIDs: UInt32 = 16
        return [CPUIDEntry(0x8000_000A, eax: 1, ebx: nestedASIDs, edx: inputs.bits(.leaf8000000A_edx))]
    }

    /// 0x80000021: extended features 2.
    static func features2(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let entry = CPUIDEntry(
            0x8000_0021, eax: inputs.bits(.leaf80000021_eax), ecx: inputs.bits(.leaf80000021_ecx))
        return entry.isZero ? [] : [entry]
    }
}
