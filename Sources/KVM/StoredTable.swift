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

    /// The number of entries.
    public var count: Int { bytes.count / Self.entrySize }

    /// The entries' meaning.
    public var table: CPUIDTable {
        let words = unsafe bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map { offset in
                unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            }
        }
        let wordsOfEntry = Self.entrySize / 4
        return CPUIDTable(
            (0..<count).map { number in
                let start = number * wordsOfEntry
                let isExact = words[start + 2] & Self.significantIndex != 0
                return CPUIDEntry(
                    words[start], isExact ? .exact(words[start + 1]) : .any, eax: words[start + 3],
                    ebx: words[start + 4], ecx: words[start + 5], edx: words[start + 6])
            })
    }

    /// The words that one entry begins with: function, index, flags, EAX, EBX, ECX, EDX. Three words of padding follow.
    static func words(of entry: CPUIDEntry) -> [7 of UInt32] {
        let flags: UInt32 = if case .exact = entry.subleaf { significantIndex } else { 0 }
        return [entry.leaf, entry.subleaf.index, flags, entry.eax, entry.ebx, entry.ecx, entry.edx]
    }
}
