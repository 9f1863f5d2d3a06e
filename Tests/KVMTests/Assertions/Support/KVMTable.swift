// SPDX-License-Identifier: Apache-2.0

/// An entry of a struct kvm_cpuid2 as it lies in memory, unknown flags and padding included.
struct KVMEntry: Hashable {
    static let significantIndex: UInt32 = 1

    var leaf, subleaf, flags: UInt32
    var eax, ebx, ecx, edx: UInt32
    /// The first of three words.
    var padding: UInt32 = 0

    init(
        _ leaf: UInt32, _ subleaf: UInt32? = nil, eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0
    ) {
        self.leaf = leaf
        self.subleaf = subleaf ?? 0
        flags = subleaf == nil ? 0 : Self.significantIndex
        (self.eax, self.ebx, self.ecx, self.edx) = (eax, ebx, ecx, edx)
    }

    init(words: ArraySlice<UInt32>) {
        let words = Array(words)
        (leaf, subleaf, flags) = (words[0], words[1], words[2])
        (eax, ebx, ecx, edx, padding) = (words[3], words[4], words[5], words[6], words[7])
    }

    var words: [UInt32] { [leaf, subleaf, flags, eax, ebx, ecx, edx, padding, 0, 0] }
    var registers: [UInt32] { [eax, ebx, ecx, edx] }

    func answers(_ leaf: UInt32, _ subleaf: UInt32) -> Bool {
        self.leaf == leaf && (flags & Self.significantIndex == 0 || self.subleaf == subleaf)
    }
}

/// A struct kvm_cpuid2, whatever is in it: the tests ask what KVM does with tables that nothing else here would write.
struct KVMTable: Hashable {
    static let capacity = 256
    private static let entryWords = 10

    var entries: [KVMEntry]

    init(_ entries: [KVMEntry]) { self.entries = entries }

    init(words: [UInt32], count: Int) {
        entries = (0..<count).map { KVMEntry(words: words[(2 + Self.entryWords * $0)...].prefix(Self.entryWords)) }
    }

    static func words(room: Int) -> [UInt32] {
        [UInt32(room), 0] + [UInt32](repeating: 0, count: min(room, capacity) * entryWords)
    }

    var words: [UInt32] { [UInt32(entries.count), 0] + entries.flatMap(\.words) }

    /// The entry that answers, which is the first; reading one that is missing gives zeros.
    subscript(leaf: UInt32, subleaf: UInt32 = 0) -> KVMEntry {
        get { entries.first { $0.answers(leaf, subleaf) } ?? KVMEntry(leaf, subleaf) }
        set {
            if let index = entries.firstIndex(where: { $0.answers(leaf, subleaf) }) {
                entries[index] = newValue
            } else {
                entries.append(newValue)
            }
        }
    }

    func has(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> Bool { entries.contains { $0.answers(leaf, subleaf) } }

    /// The same with an entry changed.
    func with(_ leaf: UInt32, _ subleaf: UInt32 = 0, _ change: (inout KVMEntry) -> Void) -> KVMTable {
        var table = self
        change(&table[leaf, subleaf])
        return table
    }
}

extension UInt32 {
    func bit(_ number: Int) -> Bool { self >> number & 1 == 1 }

    mutating func set(_ number: Int, _ on: Bool) { self = self & ~(1 << number) | (on ? 1 << number : 0) }
}
