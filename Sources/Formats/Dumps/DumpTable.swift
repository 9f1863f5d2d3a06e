// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Puts the rows of a dump together to a table: says which subleaves count, and finds rows that say the same twice.
struct DumpTable {
    /// What a row was put in as.
    enum Outcome: Equatable {
        case added
        case repeated
        /// An earlier row of the leaf and subleaf says something else; it stands.
        case contradicted
    }

    private struct Key: Hashable {
        let leaf: UInt32
        let subleaf: UInt32
    }

    private var rows: [CPUIDEntry] = []
    private var positions: [Key: Int] = [:]
    private var counts: [UInt32: UInt32] = [:]

    var count: Int { rows.count }
    var isEmpty: Bool { rows.isEmpty }

    /// Whether the leaf's answer depends on ECX.
    ///
    /// Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.
    static func hasSubleaves(_ leaf: UInt32) -> Bool {
        switch leaf {
        case 0x4, 0x7, 0xB, 0xD, 0xF, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1B, 0x1D, 0x1E, 0x1F, 0x20, 0x23, 0x24, 0x27,
            0x28, 0x29, 0x8000_001D, 0x8000_0020, 0x8000_0026:
            true
        default: false
        }
    }

    /// Puts in a row. Without a subleaf the rows of a leaf are numbered as they come, if it has subleaves.
    mutating func add(
        _ leaf: UInt32, _ subleaf: UInt32?, eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
    ) -> Outcome {
        let next = counts[leaf, default: 0]
        let index = subleaf ?? (Self.hasSubleaves(leaf) ? next : 0)
        let entry = CPUIDEntry(leaf, .exact(index), eax: eax, ebx: ebx, ecx: ecx, edx: edx)
        if let position = positions[Key(leaf: leaf, subleaf: index)] {
            return rows[position] == entry ? .repeated : .contradicted
        }
        positions[Key(leaf: leaf, subleaf: index)] = rows.count
        counts[leaf] = next + 1
        rows.append(entry)
        return .added
    }

    /// The table of the rows that mean something, in their order.
    ///
    /// Programs ask for leaves that are out of range, and Intel's CPUs answer those with the highest basic leaf (SDM
    /// volume 2, CPUID): such rows look like features that are not there.
    var table: CPUIDTable {
        let limits = rows.reduce(into: [UInt32: UInt32]()) { limits, row in
            if row.leaf & 0xFFFF == 0, row.subleaf.index == 0 { limits[row.leaf] = row.eax }
        }
        let hasHypervisor = rows.contains { $0.leaf == 1 && $0.ecx >> 31 == 1 }
        return CPUIDTable(
            rows.compactMap { row in
                let range = row.leaf & 0xFFFF_0000
                if let limit = limits[range] {
                    guard limit & 0xFFFF_0000 == range, row.leaf <= limit else { return nil }
                } else if range != 0 && limits[0] != nil {
                    return nil
                }
                if row.leaf >> 28 == 4, limits[0] != nil, !hasHypervisor { return nil }
                // Dumps give subleaf 0 to leaves that have none.
                let counts = Self.hasSubleaves(row.leaf) || counts[row.leaf, default: 0] > 1
                return counts
                    ? row : CPUIDEntry(row.leaf, .any, eax: row.eax, ebx: row.ebx, ecx: row.ecx, edx: row.edx)
            })
    }
}
