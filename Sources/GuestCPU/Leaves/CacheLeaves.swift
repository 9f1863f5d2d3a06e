// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaves 2, 4, 0x80000005, 0x80000006 and 0x8000001D: caches and TLBs.
enum CacheLeaves {
    /// Leaf 2 on Intel: descriptor 0xFF "see leaf 4" and 0xF0 "64-byte prefetch"; AL is 1 (Intel SDM volume 2, table
    /// 3-12).
    static func leaf2(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard !inputs.vendor.isAMDLike else { return [] }
        return [CPUIDEntry(2, eax: 0x0000_FF01, ebx: 0x0000_00F0)]
    }

    /// Leaf 4 on Intel, with the number of cores in EAX[31:26].
    static func leaf4(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard !inputs.vendor.isAMDLike else { return [] }
        let topology = inputs.topology
        let coreBits = topology.apicIDBits(in: .socket) - topology.apicIDBits(in: .core)
        let cores = min((UInt32(1) << coreBits) - 1, 63)
        return deterministic(4, inputs) { $0 | cores << 26 }
    }

    /// Leaf 0x8000001D on AMD with TOPOEXT: as leaf 4, without the cores (AMD APM volume 3, E.4.16).
    static func leaf8000001D(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.topoext) else { return [] }
        return deterministic(0x8000_001D, inputs) { $0 }
    }

    /// Subleaf by subleaf one cache, then one of type 0. EAX: [4:0] type, [7:5] level, [8] self-initialising, [25:14]
    /// ids that share it less one; EBX: line - 1, partitions - 1 [21:12], ways - 1 [31:22]; ECX: sets - 1; EDX: [0]
    /// WBINVD does not reach lower levels, [1] inclusive, [2] complex indexing (Intel SDM volume 2, CPUID, leaf 4).
    private static func deterministic(
        _ leaf: UInt32, _ inputs: LeafInputs, finish: (UInt32) -> UInt32
    ) -> [CPUIDEntry] {
        let caches = inputs.caches
        var entries = caches.enumerated().map { number, cache in
            let sharing = (UInt32(1) << inputs.topology.apicIDBits(in: cache.scope.level)) - 1
            let eax =
                UInt32(cache.kind.rawValue) | UInt32(cache.level) << 5 | (cache.isSelfInitializing ? 1 << 8 : 0)
                | min(sharing, 0xFFF) << 14
            return CPUIDEntry(
                leaf, .exact(UInt32(number)), eax: finish(eax),
                ebx: (cache.lineSize - 1) | (cache.partitions - 1) << 12 | (cache.ways - 1) << 22, ecx: cache.sets - 1,
                edx: (cache.invalidatesNoSharers ? 1 : 0) | (cache.isInclusive ? 2 : 0)
                    | (cache.hasComplexIndexing ? 4 : 0))
        }
        entries.append(CPUIDEntry(leaf, .exact(UInt32(caches.count))))
        return entries
    }

    /// 0x80000005 on AMD: L1 TLBs and caches. 0x80000006: L2 and L3, of which Intel has only ECX (AMD APM volume 3,
    /// E.4.4 and E.4.5; Intel SDM volume 2, CPUID).
    static func leaf80000005and6(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let caches = inputs.caches
        guard inputs.vendor.isAMDLike else {
            guard let l2 = caches.first(where: { $0.level == 2 }) else { return [] }
            return [
                CPUIDEntry(
                    0x8000_0006, ecx: kibibytes(l2) << 16 | associativity(l2, seeElsewhere: 7) << 12 | l2.lineSize)
            ]
        }
        // No model says anything of TLBs. These are the sizes that QEMU's guests have always been shown: 255 entries of
        // associativity 1 in L1; 512 four-way entries for 4 KiB pages in L2, and none for larger ones.
        let l1TLB: UInt32 = 0x01FF_01FF
        let l2TLB: UInt32 = 0x4200_4200
        var five = CPUIDEntry(0x8000_0005, eax: l1TLB, ebx: l1TLB)
        var six = CPUIDEntry(0x8000_0006, ebx: l2TLB)
        for cache in caches {
            switch (cache.level, cache.kind) {
            case (1, .data): five.ecx = firstLevel(cache)
            case (1, .instruction): five.edx = firstLevel(cache)
            case (2, _): six.ecx = kibibytes(cache) << 16 | lowerLevel(cache)
            case (3, _): six.edx = (kibibytes(cache) / 512) << 18 | lowerLevel(cache)
            default: break
            }
        }
        return [five, six]
    }

    /// [31:24] KiB, [23:16] ways or 0xFF for fully associative, [15:8] lines per tag, [7:0] line size.
    private static func firstLevel(_ cache: Cache) -> UInt32 {
        kibibytes(cache) << 24 | min(cache.ways, 0xFF) << 16 | UInt32(cache.linesPerTag) << 8 | cache.lineSize
    }

    /// [15:12] associativity code, [11:8] lines per tag, [7:0] line size.
    private static func lowerLevel(_ cache: Cache) -> UInt32 {
        associativity(cache, seeElsewhere: 9) << 12 | UInt32(cache.linesPerTag) << 8 | cache.lineSize
    }

    private static func kibibytes(_ cache: Cache) -> UInt32 { UInt32(cache.size >> 10) }

    /// The four-bit code of AMD APM volume 3, table E-3; `seeElsewhere` for a number of ways that has none.
    private static func associativity(_ cache: Cache, seeElsewhere: UInt32) -> UInt32 {
        switch cache.ways {
        case 1: 1
        case 2: 2
        case 4: 4
        case 8: 6
        case 16: 8
        case 32: 0xA
        case 48: 0xB
        case 64: 0xC
        case 96: 0xD
        case 128: 0xE
        default: seeElsewhere
        }
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(2, by: .architecture, "it refers to leaf 4"),
        FieldOrigin(
            4, .eax, mask: 0xFFFF_C000, by: .topology, "who shares the cache, and how many cores a package has"),
        FieldOrigin(0x8000_001D, .eax, mask: 0x03FF_C000, by: .topology, "who shares the cache"),
        FieldOrigin(4, by: .model, "its caches, or the host's where those were asked for"),
        FieldOrigin(0x8000_001D, by: .model, "its caches, or the host's where those were asked for"),
        FieldOrigin(0x8000_0005, mask: .max, by: .model, "its first-level caches; TLBs are the same for every model"),
        FieldOrigin(0x8000_0006, by: .model, "its lower-level caches; TLBs are the same for every model"),
    ]
}

extension Cache.Scope {
    /// The level of the topology.
    fileprivate var level: Topology.Level {
        switch self {
        case .thread: .thread
        case .core: .core
        case .module: .module
        case .die: .die
        case .socket: .socket
        }
    }
}
