// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 0 and 0x80000000: the highest leaf of their range, and the vendor.
///
/// Intel SDM volume 2, CPUID; AMD APM volume 3, E.3.1 and E.4.1.
enum Leaf0 {
    static func basic(_ inputs: LeafInputs, highest: UInt32) -> CPUIDEntry {
        let vendor = inputs.vendor
        return CPUIDEntry(0, eax: highest, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx)
    }

    /// AMD repeats the vendor; Intel leaves the registers reserved.
    static func extended(_ inputs: LeafInputs, highest: UInt32) -> CPUIDEntry {
        guard inputs.vendor.isAMDLike else { return CPUIDEntry(0x8000_0000, eax: highest) }
        let vendor = inputs.vendor
        return CPUIDEntry(0x8000_0000, eax: highest, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx)
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(
            0, .eax, by: .model, "its level, raised as far as the features need it; or the level that was asked for"),
        FieldOrigin(0, by: .model, "its vendor"),
        FieldOrigin(
            0x8000_0000, .eax, by: .model,
            "its level, raised as far as the features need it; or the level that was asked for"),
        FieldOrigin(0x8000_0000, by: .architecture, "AMD's CPUs repeat the vendor here, Intel's have zero"),
    ]
}
