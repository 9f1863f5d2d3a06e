// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaves 0x80000001, 7, 8, 0xA, 0x19, 0x1A and 0x21: extended flags, power management, address sizes, SVM, hints.
///
/// AMD APM volume 3, E.4; Intel SDM volume 2, CPUID.
enum ExtendedLeaves {
    /// 0x80000001: EAX the signature again on AMD, reserved on Intel.
    static func features(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let isAMD = inputs.vendor.isAMDLike
        let (ecx, edx) = (inputs.bits(.leaf80000001_ecx), inputs.bits(.leaf80000001_edx))
        guard ecx | edx != 0 || inputs.model.extendedLevel >= 0x8000_0001 else { return [] }
        let copies = isAMD ? inputs.bits(.leaf1_edx) & CPUVendor.repeatedLeaf1EDX : 0
        return [
            CPUIDEntry(0x8000_0001, eax: isAMD ? inputs.model.signature.eax : 0, ecx: ecx, edx: edx | copies)
        ]
    }

    /// 0x80000007: EBX RAS, EDX[8] invariant TSC.
    static func powerManagement(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let entry = CPUIDEntry(
            0x8000_0007, ebx: inputs.bits(.leaf80000007_ebx), edx: inputs.bits(.leaf80000007_edx))
        return entry.isZero ? [] : [entry]
    }

    /// 0x80000019 and 0x8000001A: TLBs for 1-GiB pages, and how wide the vector units are. No model has them; guests that
    /// are to look like the host see the host's.
    static func processorHints(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.model.base == nil, inputs.vendor.isAMDLike else { return [] }
        return [0x8000_0019, 0x8000_001A].compactMap { leaf in
            inputs.host.supported[leaf].flatMap {
                $0.isZero ? nil : CPUIDEntry(leaf, eax: $0.eax, ebx: $0.ebx, ecx: $0.ecx, edx: $0.edx)
            }
        }
    }

    /// 0x80000008: EAX[7:0] physical and [15:8] linear address bits, 57 with LA57 and 48 without; on AMD ECX[7:0]
    /// logical CPUs per package less one and ECX[15:12] id bits below the package.
    ///
    /// A 64-bit guest always has it: KVM takes the width of its addresses from here, and 36 bits where the leaf is out
    /// of reach.
    static func addressSizes(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let isNeeded = inputs.features.contains(.lm) || inputs.bits(.leaf80000008_ebx) != 0
        guard isNeeded || inputs.model.extendedLevel >= 0x8000_0008 else { return [] }
        let linear: UInt32 = inputs.features.contains(.la57) ? 57 : 48
        var entry = CPUIDEntry(
            0x8000_0008, eax: linear << 8 | UInt32(inputs.physicalAddressBits), ebx: inputs.bits(.leaf80000008_ebx))
        let count = inputs.topology.logicalCPUs(in: .socket)
        if inputs.vendor.isAMDLike, count > 1 {
            entry.ecx = inputs.topology.apicIDBits(in: .socket) << 12 | min(count - 1, 0xFF)
        }
        return [entry]
    }

    /// 0x8000000A, with SVM: EAX[7:0] revision 1, EBX the number of ASIDs, EDX features.
    static func virtualization(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.svm) else { return [] }
        let nestedASIDs: UInt32 = 16
        return [CPUIDEntry(0x8000_000A, eax: 1, ebx: nestedASIDs, edx: inputs.bits(.leaf8000000A_edx))]
    }

    /// 0xC0000000 and 0xC0000001, of Centaur's and Zhaoxin's CPUs: EDX the PadLock features.
    static func centaur(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let flags = inputs.bits(.leafC0000001_edx)
        return flags == 0 ? [] : [CPUIDEntry(0xC000_0000, eax: 0xC000_0001), CPUIDEntry(0xC000_0001, edx: flags)]
    }

    /// 0x80000021: extended features 2.
    static func features2(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let entry = CPUIDEntry(
            0x8000_0021, eax: inputs.bits(.leaf80000021_eax), ecx: inputs.bits(.leaf80000021_ecx))
        return entry.isZero ? [] : [entry]
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x8000_0001, .eax, by: .model, "on AMD its family, model and stepping again; reserved on Intel"),
        FieldOrigin(
            0x8000_0008, .eax, mask: 0xFF, by: .host, "its width of physical addresses, unless another was asked for"),
        FieldOrigin(0x8000_0008, .eax, mask: 0xFF00, by: .dependency, "57 bits with la57, 48 without"),
        FieldOrigin(0x8000_0008, .ecx, by: .topology, "on AMD ids and logical CPUs of a package"),
        FieldOrigin(0x8000_000A, by: .architecture, "SVM's revision 1, and 16 address space ids for nested guests"),
        FieldOrigin(0x8000_0019...0x8000_001A, by: .host, "its hints, for guests that are to look like it"),
        FieldOrigin(0xC000_0000, .eax, by: .architecture, "there is one leaf with features"),
    ]
}
