// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 0x1D and 0x1E: the tile palette and the tile multiplication unit.
///
/// There is one palette and one unit on every CPU with AMX so far. 0x1D.1: EAX total bytes 8192 [15:0] and bytes per
/// tile 1024 [31:16]; EBX bytes per row 64 [15:0], tiles 8 [31:16]; ECX rows 16. 0x1E.0: EBX rows or columns 16 [7:0],
/// bytes per column 64 [23:8] (Intel SDM volume 2, CPUID).
enum AMXLeaves {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.amxTile) else { return [] }
        let flags = inputs.bits(.leaf1E_1_eax)
        var entries = [
            CPUIDEntry(0x1D, .exact(0), eax: 1),
            CPUIDEntry(0x1D, .exact(1), eax: 1024 << 16 | 8192, ebx: 8 << 16 | 64, ecx: 16),
            CPUIDEntry(0x1E, .exact(0), eax: flags == 0 ? 0 : 1, ebx: 64 << 8 | 16),
        ]
        if flags != 0 { entries.append(CPUIDEntry(0x1E, .exact(1), eax: flags)) }
        return entries
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x1D, by: .architecture, "the one palette that there is"),
        FieldOrigin(0x1E, subleaf: 0, by: .architecture, "the one multiplication unit that there is"),
    ]
}
