// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaves 0x24 and 0x29: AVX10 and APX.
///
/// 0x24.0: EAX highest subleaf, EBX[7:0] the version of AVX10, EBX[18:16] vector lengths; 0x24.1, from version 2 on:
/// ECX features. 0x29.0: EBX APX features (Intel, AVX10.2 architecture specification 1.3; Intel APX specification
/// 3.1.4).
enum AVX10Leaves {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        var entries: [CPUIDEntry] = []
        let version = inputs.model.avx10Version
        if inputs.features.contains(.avx10), version > 0 {
            let hasSubleaf1 = version >= 2
            entries.append(
                CPUIDEntry(
                    0x24, .exact(0), eax: hasSubleaf1 ? 1 : 0, ebx: inputs.bits(.leaf24_0_ebx) | UInt32(version)))
            if hasSubleaf1 { entries.append(CPUIDEntry(0x24, .exact(1), ecx: inputs.bits(.leaf24_1_ecx))) }
        }
        let apx = inputs.bits(.leaf29_0_ebx)
        if apx != 0 { entries.append(CPUIDEntry(0x29, .exact(0), ebx: apx)) }
        return entries
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x24, subleaf: 0, .eax, by: .model, "the subleaf of version 2, where it has that"),
        FieldOrigin(
            0x24, subleaf: 0, .ebx, mask: 0xFF, by: .model, "its version of AVX10, or the host's if that is lower"),
    ]
}
