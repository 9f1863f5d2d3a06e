// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A short hash of everything a guest can see of its CPU that must not change during its life or a migration.
///
/// Not in it: APIC ids, the bits KVM changes at run time, the order of entries and entries of zeros. Two guests with
/// equal stamps are interchangeable. Written `1-` and 24 hexadecimal digits: the version of the rule, and the first 96
/// bits of a SHA-256.
public struct Stamp: Sendable, Hashable, CustomStringConvertible {
    /// The stamp as it is written.
    public let description: String

    /// The stamp of a table and the feature MSRs beside it.
    public init(table: CPUIDTable, featureMSRs: [UInt32: UInt64]) {
        self.init(StampInput(table: table, featureMSRs: featureMSRs))
    }

    /// A stamp as it is written; nil for a text that is none. Stamps by another version of the rule are stamps too.
    public init?(restoring text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, UInt32(parts[0]) != nil, parts[1].utf8.count == 24,
            parts[1].allSatisfy(\.isHexDigit)
        else { return nil }
        description = text
    }

    /// The stamp of what was taken from a table.
    init(_ input: StampInput) {
        var words: [UInt32] = []
        words.reserveCapacity(input.entries.count * 6 + 1)
        for entry in input.entries {
            words += [entry.leaf, entry.subleaf.index, entry.eax, entry.ebx, entry.ecx, entry.edx]
        }
        // A leaf number that no entry can have keeps entries and MSRs apart.
        words.append(.max)
        for (index, value) in input.featureMSRs.sorted(by: { $0.key < $1.key }) {
            words += [index, UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 4)
        for word in words {
            for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        description = "1-" + SHA256.hexadecimal(SHA256.digest(bytes).prefix(12))
    }
}

/// What a stamp is made of. Equal inputs have equal stamps, and comparing them is much cheaper than hashing: the vCPUs
/// of a VM nearly always share one.
public struct StampInput: Sendable, Hashable {
    fileprivate let entries: [CPUIDEntry]
    fileprivate let featureMSRs: [UInt32: UInt64]

    /// Takes from a table what counts.
    public init(table: CPUIDTable, featureMSRs: [UInt32: UInt64]) {
        var kept: [CPUIDEntry] = []
        kept.reserveCapacity(table.entries.count)
        for entry in table.withoutAPICIDs().entries {
            var entry = entry
            let subleaf = entry.subleaf.index
            for register in CPUIDRegister.allCases {
                entry[register] &= ~RuntimeBits.mask(leaf: entry.leaf, subleaf: subleaf, register: register)
            }
            guard !entry.isZero else { continue }
            entry.subleaf = .exact(subleaf)
            kept.append(entry)
        }
        kept.sort { ($0.leaf, $0.subleaf.index) < ($1.leaf, $1.subleaf.index) }
        entries = kept
        self.featureMSRs = featureMSRs
    }

    /// The stamp of this input.
    public var stamp: Stamp { Stamp(self) }
}
