// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

extension HostCPU {
    /// The host's own caches, from leaf 4 or 0x8000001D of KVM's table, for guests that are to look like the host.
    ///
    /// How many CPUs share a cache on the host says nothing of the guest: the first two levels count as a core's, the
    /// third as a die's, as on every server CPU so far.
    var caches: [Cache] {
        let leaf: UInt32 = identity.vendor.isAMDLike ? 0x8000_001D : 4
        return supported.entries.compactMap { entry in
            guard entry.leaf == leaf, let kind = Cache.Kind(rawValue: UInt8(entry.eax & 0x1F)) else { return nil }
            let level = UInt8(entry.eax >> 5 & 7)
            let line = (entry.ebx & 0xFFF) + 1
            let partitions = (entry.ebx >> 12 & 0x3FF) + 1
            let ways = (entry.ebx >> 22) + 1
            let (sets, overflow) = entry.ecx.addingReportingOverflow(1)
            let size = UInt64(line) * UInt64(partitions) * UInt64(ways) * UInt64(sets)
            guard !overflow, let size = UInt32(exactly: size) else { return nil }
            return Cache(
                kind: kind, level: level, size: size, lineSize: line, ways: ways, partitions: partitions, sets: sets,
                linesPerTag: level == 1 ? 1 : 0, isSelfInitializing: entry.eax & 1 << 8 != 0,
                invalidatesNoSharers: entry.edx & 1 != 0, isInclusive: entry.edx & 2 != 0,
                hasComplexIndexing: entry.edx & 4 != 0, scope: level <= 2 ? .core : .die)
        }
    }
}
