// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A table as KVM stores it: the bytes of its `struct kvm_cpuid_entry2`, unknown flags and paddings included, so that
/// it can be put back exactly.
public struct StoredTable: Sendable, Hashable {
    /// The size of `struct kvm_cpuid_entry2`.
    static let entrySize = 40
    /// Bit 0 of the flags: the subleaf counts.
    private static let significantIndex: UInt32 = 1

    /// The entries' bytes.
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The table of a vCPU that has none.
    public static let none = StoredTable(bytes: [])

    /// The number of entries.
    public var count: Int { bytes.count / Self.entrySize }

    /// The entries' meaning.
    public var table: CPUIDTable {
        unsafe bytes.withUnsafeBytes { bytes in
            CPUIDTable(
                (0..<bytes.count / Self.entrySize).map { number in
                    func word(_ position: Int) -> UInt32 {
                        unsafe bytes.loadUnaligned(
                            fromByteOffset: number * Self.entrySize + position * 4, as: UInt32.self)
                    }
                    return CPUIDEntry(
                        word(0), word(2) & Self.significantIndex != 0 ? .exact(word(1)) : .any, eax: word(3),
                        ebx: word(4), ecx: word(5), edx: word(6))
                })
        }
    }

    /// What KVM stores in an entry behind its leaf, subleaf and flags, in this order.
    private static let registers: [4 of CPUIDRegister] = [.eax, .ebx, .ecx, .edx]

    /// The registers that are others than in another table, where both have the same entries: nil where they have not, or
    /// may not.
    fileprivate func changes(over other: StoredTable) -> [VCPUTables.Change]? {
        guard bytes.count == other.bytes.count else { return nil }
        var changes: [VCPUTables.Change] = []
        changes.reserveCapacity(VCPUTables.usualChangeCount)
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe other.bytes.withUnsafeBytes { others in
                for pair in stride(from: 0, to: bytes.count, by: 8) {
                    let one = unsafe bytes.loadUnaligned(fromByteOffset: pair, as: UInt64.self)
                    let other = unsafe others.loadUnaligned(fromByteOffset: pair, as: UInt64.self)
                    if one == other { continue }
                    for offset in [pair, pair + 4] {
                        let value = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                        if unsafe value == others.loadUnaligned(fromByteOffset: offset, as: UInt32.self) { continue }
                        let (entry, place) = (offset / Self.entrySize, offset % Self.entrySize / 4)
                        guard place >= 3 else { return nil }
                        // What follows is padding.
                        guard place < 7 else { continue }
                        changes.append(
                            .init(entry: UInt16(entry), register: Self.registers[place - 3], value: value))
                    }
                }
                return changes
            }
        }
    }

    /// The words that one entry begins with: function, index, flags, EAX, EBX, ECX, EDX. Three words of padding follow.
    static func words(of entry: CPUIDEntry) -> [7 of UInt32] {
        let flags: UInt32 = if case .exact = entry.subleaf { significantIndex } else { 0 }
        return [entry.leaf, entry.subleaf.index, flags, entry.eax, entry.ebx, entry.ecx, entry.edx]
    }
}

extension VCPUTables {
    /// The meaning of the tables of all vCPUs, in order.
    public init(_ stored: [StoredTable]) {
        guard let first = stored.first else {
            self.init([CPUIDTable]())
            return
        }
        let table = first.table
        self.init(
            first: table,
            others: stored.dropFirst().map { other in
                other.changes(over: first).map(Table.changed) ?? Table(other.table, over: table)
            })
    }
}
