// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// One vCPU's table while the parts that a VMM keeps are put into it.
///
/// It begins as the model's table, with the APIC id of the vCPU where ids stand.
struct OverlayDraft {
    private(set) var table: CPUIDTable
    /// What of it is as the VMM has it.
    private(set) var kept: [KeptBits] = []
    let base: CPUIDTable
    private let isAMD: Bool
    private let isSameKind: Bool

    init(_ table: CPUIDTable, over base: CPUIDTable) {
        self.table = table
        self.base = base
        isAMD = CPUVendor(table: table)?.isAMDLike == true
        isSameKind = CPUVendor(table: base)?.isAMDLike == isAMD
    }

    // MARK: Topology

    /// 1.EBX[31:16], HTT, CMP_LEGACY, 0xB, 0x1F, 0x80000008.ECX, 0x8000001E, 0x80000026.
    ///
    /// Fields that mean one thing on Intel and another on AMD are the VMM's only where its vendor is of the model's
    /// kind; else they stay as computed from the same topology.
    mutating func keepPlace(apicID: UInt32) {
        // The APIC id went into the table before.
        kept.append(KeptBits(.topology, 1...1, .ebx, mask: 0xFF00_0000))
        if isSameKind {
            keep(.topology, 0x00FF_0000, of: 1, .ebx)
            keep(.topology, 1 << 28, of: 1, .edx)
        }
        replaceLeaf(0xB, for: .topology)
        replaceLeaf(0x1F, for: .topology)
        guard isAMD, isSameKind else { return }
        keep(.topology, 1 << 1, of: 0x8000_0001, .ecx)
        keep(.topology, .max, of: 0x8000_0008, .ecx)
        if table.hasTopologyExtensions { replaceLeaf(0x8000_001E, for: .topology) }
        replaceLeaf(0x8000_0026, for: .topology)
    }

    /// 4.EAX[31:26] the ids of cores, and EAX[25:14] of each cache who shares it: of the VMM's cache of that level and
    /// kind, where it has one.
    mutating func keepSharing() {
        let sharing = Self.sharing(base)
        let cores = base[4].flatMap { $0.isCache ? $0.eax & 0xFC00_0000 : nil }
        var kept: [KeptBits] = []
        func note(_ mask: UInt32, of entry: CPUIDEntry) {
            kept.append(
                KeptBits(.topology, entry.leaf...entry.leaf, subleaf: entry.subleaf.index, .eax, mask: mask))
        }
        table.updateEach { entry in
            guard entry.leaf == 4 || entry.leaf == 0x8000_001D, entry.isCache else { return }
            if let shared = sharing[entry.eax & 0xFF] {
                entry.eax = entry.eax & ~0x03FF_C000 | shared
                note(0x03FF_C000, of: entry)
            }
            if entry.leaf == 4, let cores {
                entry.eax = entry.eax & ~0xFC00_0000 | cores
                note(0xFC00_0000, of: entry)
            }
        }
        self.kept += kept
    }

    // MARK: Caches

    /// Leaves 2, 4, 0x80000005, 0x80000006 and 0x8000001D as the VMM has them.
    mutating func keepCaches() {
        for leaf: UInt32 in [2, 4, 0x8000_0005, 0x8000_0006] { replaceLeaf(leaf, for: .caches) }
        if isAMD, table.hasTopologyExtensions { replaceLeaf(0x8000_001D, for: .caches) }
    }

    /// The same caches, shared as the model's are: a cache that the model has not is one core's own.
    mutating func keepCachesWithoutSharing() {
        let sharing = Self.sharing(table)
        let cores = (table[4]?.eax ?? 0) & 0xFC00_0000
        keepCaches()
        kept = kept.flatMap(\.withoutSharing)
        table.updateEach { entry in
            guard entry.leaf == 4 || entry.leaf == 0x8000_001D, entry.isCache else { return }
            entry.eax = entry.eax & 0x3FFF | sharing[entry.eax & 0xFF, default: 0]
            if entry.leaf == 4 { entry.eax |= cores }
        }
    }

    /// EAX[25:14] of every cache, by its type and level, EAX[7:0].
    private static func sharing(_ table: CPUIDTable) -> [UInt32: UInt32] {
        var sharing: [UInt32: UInt32] = [:]
        for entry in table.entries where (entry.leaf == 4 || entry.leaf == 0x8000_001D) && entry.isCache {
            sharing[entry.eax & 0xFF] = entry.eax & 0x03FF_C000
        }
        return sharing
    }

    // MARK: The machine around the CPU

    /// 0x80000008.EAX[23:16]. EAX[7:0] went into the model's table when that was computed, which checked it.
    mutating func keepGuestAddressWidth() {
        keep(.physicalAddressBits, 0x00FF_0000, of: 0x8000_0008, .eax)
        guard let width = base[0x8000_0008]?.eax, width & 0xFF == table.value(0x8000_0008, 0, .eax) & 0xFF else {
            return
        }
        kept.append(KeptBits(.physicalAddressBits, 0x8000_0008...0x8000_0008, .eax, mask: 0xFF))
    }

    /// 0xA, 0x23, PDCM; on AMD 0x80000022 and the bits of the core, northbridge and last level cache counters.
    mutating func keepPMU() {
        addLeaf(0xA, for: .pmu)
        addLeaf(0x23, for: .pmu)
        keep(.pmu, 1 << 15, of: 1, .ecx)
        guard isAMD, isSameKind else { return }
        addLeaf(0x8000_0022, for: .pmu)
        keep(.pmu, 1 << 23 | 1 << 24 | 1 << 28, of: 0x8000_0001, .ecx)
    }

    /// Every leaf of the hypervisor's range. A VMM that has none hides itself, and goes on doing so.
    mutating func keepHypervisor() {
        table = table.removing(\.isHypervisors)
        table.append(contentsOf: base.entries.filter(\.isHypervisors))
        kept.append(KeptBits(.hypervisor, 0x4000_0000...0x4FFF_FFFF))
        keep(.hypervisor, 1 << 31, of: 1, .ecx)
    }

    /// 0x15; and 0x40000010, which must be within reach.
    mutating func keepTSC() {
        addLeaf(0x15, for: .tsc)
        guard let frequency = base[0x4000_0010] else { return }
        table = table.removing { $0.leaf == 0x4000_0010 }
        table.append(frequency)
        kept.append(KeptBits(.tsc, 0x4000_0010...0x4000_0010))
        table.update(0x4000_0000) { $0.eax = max($0.eax, 0x4000_0010) }
    }

    // MARK: Bits and whole leaves

    /// Takes these bits of a register as the VMM has them, if it has the leaf and the model too.
    private mutating func keep(_ part: OverlayPart, _ mask: UInt32, of leaf: UInt32, _ register: CPUIDRegister) {
        guard let own = base[leaf], table[leaf] != nil else { return }
        table.update(leaf) { $0[register] = $0[register] & ~mask | own[register] & mask }
        kept.append(KeptBits(part, leaf...leaf, register, mask: mask))
    }

    /// Takes a leaf as the VMM has it, if it has it, as far as the model's levels reach: a model that ends at leaf 5
    /// tells of its topology in leaf 1, whatever the VMM.
    private mutating func replaceLeaf(_ leaf: UInt32, for part: OverlayPart) {
        let entries = base.entries.filter { $0.leaf == leaf }
        let highest = table.value(leaf & 0x8000_0000, 0, .eax)
        guard entries.contains(where: { !$0.isZero }), leaf <= highest else { return }
        table = table.removing { $0.leaf == leaf }
        table.append(contentsOf: entries)
        kept.append(KeptBits(part, leaf...leaf))
    }

    /// Takes a leaf as the VMM has it, or takes it away, and raises the level where that is needed to reach it.
    private mutating func addLeaf(_ leaf: UInt32, for part: OverlayPart) {
        table = table.removing { $0.leaf == leaf }
        let entries = base.entries.filter { $0.leaf == leaf }
        guard entries.contains(where: { !$0.isZero }) else { return }
        table.append(contentsOf: entries)
        kept.append(KeptBits(part, leaf...leaf))
        guard table.value(leaf & 0x8000_0000, 0, .eax) < leaf else { return }
        table.update(leaf & 0x8000_0000) { $0.eax = leaf }
        kept.append(KeptBits(part, leaf & 0x8000_0000...leaf & 0x8000_0000, .eax))
    }

    /// The table in the order that tables here have.
    func finished() -> CPUIDTable {
        // Entries of one leaf stay in the order in which they were added: the first that matches counts.
        let order = table.entries.enumerated().sorted { ($0.element.leaf, $0.offset) < ($1.element.leaf, $1.offset) }
        return CPUIDTable(order.map(\.element))
    }
}

extension CPUIDEntry {
    /// Whether an entry of leaf 4 or 0x8000001D describes a cache: EAX[4:0] is not 0.
    fileprivate var isCache: Bool { eax & 0x1F != 0 }

    fileprivate var isHypervisors: Bool { leaf >> 28 == 4 }
}
