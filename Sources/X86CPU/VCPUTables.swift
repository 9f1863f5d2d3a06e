// SPDX-License-Identifier: Apache-2.0

/// The tables of all vCPUs of a VM, in little memory: the first one, and of every other what differs from it.
///
/// The vCPUs of a VM have equal tables but for their APIC ids, a handful of registers. Nothing is lost: a table that is
/// built in another way, as a VMM's own may be, is kept whole.
public struct VCPUTables: Sendable, Hashable {
    /// One register that is another one than in the first table.
    public struct Change: Sendable, Hashable {
        /// The entry, by its place in the table.
        public let entry: UInt16
        /// The register.
        public let register: CPUIDRegister
        /// Its value.
        public let value: UInt32

        /// A change from its parts.
        public init(entry: UInt16, register: CPUIDRegister, value: UInt32) {
            self.entry = entry
            self.register = register
            self.value = value
        }
    }

    /// How one vCPU's table comes about.
    public enum Table: Sendable, Hashable {
        /// The first table with these changes.
        case changed([Change])
        /// A table of its own.
        case whole(CPUIDTable)
    }

    /// As many registers of a table have an APIC id, or a part of one.
    public static let usualChangeCount = 12

    /// The table of the first vCPU.
    public let first: CPUIDTable
    /// How the tables of the vCPUs behind it come about, in order.
    public let others: [Table]

    /// The tables of at least one vCPU, in topology order; an empty one where there is none.
    public init(_ tables: some Collection<CPUIDTable>) {
        let first = tables.first ?? CPUIDTable()
        self.first = first
        others = tables.dropFirst().map { Table($0, over: first) }
    }

    /// Tables as they were taken apart.
    public init(first: CPUIDTable, others: [Table]) {
        self.first = first
        self.others = others
    }

    /// Whether a vCPU's table is the first one but for its APIC ids.
    public func isFirstButForAPICID(vcpu: Int) -> Bool { isFirstButForAPICID(vcpu: vcpu, asIn: self) }

    /// Whether a vCPU's table comes about from the first one by its APIC ids alone, and by the same as in other tables of
    /// the same vCPUs. Then whatever else can be said of the two is what can be said of the two first ones.
    public func isFirstButForAPICID(vcpu: Int, asIn other: VCPUTables) -> Bool {
        if vcpu == 0 { return true }
        guard vcpu < count, vcpu < other.count, case .changed(let changes) = others[vcpu - 1],
            case .changed(let otherChanges) = other.others[vcpu - 1], changes == otherChanges
        else { return false }
        return changes.allSatisfy { change in
            let place = Int(change.entry)
            guard place < first.entries.count, place < other.first.entries.count else { return false }
            let (entry, otherEntry) = (first.entries[place], other.first.entries[place])
            let before = entry[change.register]
            return entry.leaf == otherEntry.leaf && entry.subleaf.index == otherEntry.subleaf.index
                && before == otherEntry[change.register]
                && (before ^ change.value) & ~entry.apicIDBits(of: change.register) == 0
        }
    }

    /// The number of vCPUs.
    public var count: Int { others.count + 1 }

    /// The table of one vCPU, by its place in topology order.
    public subscript(vcpu: Int) -> CPUIDTable {
        vcpu == 0 ? first : others[vcpu - 1].table(over: first)
    }
}

extension VCPUTables.Table {
    /// A table by its changes over the first one where it has the same entries, and otherwise whole.
    public init(_ table: CPUIDTable, over first: CPUIDTable) {
        var changes: [VCPUTables.Change] = []
        guard table.entries.count == first.entries.count, table.entries.count <= CPUIDTable.maximumCount else {
            self = .whole(table)
            return
        }
        changes.reserveCapacity(VCPUTables.usualChangeCount)
        for (position, (entry, other)) in zip(table.entries, first.entries).enumerated() where entry != other {
            guard entry.leaf == other.leaf, entry.subleaf == other.subleaf else {
                self = .whole(table)
                return
            }
            for register in CPUIDRegister.allCases where entry[register] != other[register] {
                changes.append(.init(entry: UInt16(position), register: register, value: entry[register]))
            }
        }
        self = .changed(changes)
    }

    fileprivate func table(over first: CPUIDTable) -> CPUIDTable {
        switch self {
        case .whole(let table): return table
        case .changed(let changes):
            var entries = first.entries
            for change in changes where Int(change.entry) < entries.count {
                entries[Int(change.entry)][change.register] = change.value
            }
            return CPUIDTable(entries)
        }
    }
}
