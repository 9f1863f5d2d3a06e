// SPDX-License-Identifier: Apache-2.0

/// An ordered list of CPUID entries, with KVM's rule of lookup: the first entry that matches wins.
///
/// The order is part of the value. After a vCPU has run, KVM accepts a table again only if it is equal entry by entry
/// (Linux, `kvm_cpuid_check_equal`).
public struct CPUIDTable: Sendable, Hashable {
    /// The most entries that KVM takes (`KVM_MAX_CPUID_ENTRIES`).
    public static let maximumCount = 256

    /// The entries in order.
    public private(set) var entries: [CPUIDEntry]

    /// A table of these entries, in this order.
    public init(_ entries: [CPUIDEntry] = []) {
        self.entries = entries
    }

    /// The entry that answers a request, or nil when the table has none: the first whose leaf is equal and whose
    /// subleaf matches (Linux, `cpuid_entry2_find`).
    public subscript(leaf: UInt32, subleaf: UInt32 = 0) -> CPUIDEntry? {
        position(leaf, subleaf).map { entries[$0] }
    }

    /// The register of the entry that answers, or 0 when no entry does.
    public func value(_ leaf: UInt32, _ subleaf: UInt32 = 0, _ register: CPUIDRegister) -> UInt32 {
        self[leaf, subleaf]?[register] ?? 0
    }

    /// Puts an entry at the end.
    public mutating func append(_ entry: CPUIDEntry) {
        entries.append(entry)
    }

    /// Puts entries at the end.
    public mutating func append(contentsOf entries: some Sequence<CPUIDEntry>) {
        self.entries.append(contentsOf: entries)
    }

    /// Makes room for that many entries.
    public mutating func reserveCapacity(_ count: Int) {
        entries.reserveCapacity(count)
    }

    /// Changes the entry that answers the request; does nothing when the table has none.
    public mutating func update(
        _ leaf: UInt32, _ subleaf: UInt32 = 0, _ change: (inout CPUIDEntry) -> Void
    ) {
        guard let position = position(leaf, subleaf) else { return }
        change(&entries[position])
    }

    /// Changes the entry at a position of ``entries``.
    public mutating func update(at position: Int, _ change: (inout CPUIDEntry) -> Void) {
        change(&entries[position])
    }

    /// Changes every entry in turn.
    public mutating func updateEach(_ change: (inout CPUIDEntry) -> Void) {
        for position in entries.indices {
            change(&entries[position])
        }
    }

    /// The table without the entries for which the condition holds.
    public func removing(_ condition: (CPUIDEntry) -> Bool) -> CPUIDTable {
        CPUIDTable(entries.filter { !condition($0) })
    }

    private func position(_ leaf: UInt32, _ subleaf: UInt32) -> Int? {
        entries.firstIndex { $0.leaf == leaf && $0.subleaf.answers(subleaf) }
    }
}
