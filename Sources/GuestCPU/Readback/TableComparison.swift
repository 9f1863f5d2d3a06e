// SPDX-License-Identifier: Apache-2.0

public import X86CPU

extension CPUIDTable {
    /// How a table read back differs from this one, the one asked for; in order of the entries.
    ///
    /// An entry of zeros that was dropped, or added, is no difference: a guest sees none.
    public func differences(in readBack: CPUIDTable) -> [TableDifference] {
        var differences: [TableDifference] = []
        for (position, wanted) in entries.enumerated() {
            // KVM keeps the order, so the counterpart is nearly always at the same place.
            let got: CPUIDEntry? =
                position < readBack.entries.count && readBack.entries[position].isCounterpart(of: wanted)
                ? readBack.entries[position] : readBack.entries.first { $0.isCounterpart(of: wanted) }
            guard let got else {
                let isSeen = !wanted.isZero || !readBack.guestView(wanted.leaf, wanted.subleaf.index).isZero
                if isSeen {
                    differences.append(.init(.entry(leaf: wanted.leaf, subleaf: wanted.subleaf.index), .droppedLeaf))
                }
                continue
            }
            if got != wanted { wanted.compare(with: got, into: &differences) }
        }
        for (position, got) in readBack.entries.enumerated() where !got.isZero {
            if position < entries.count, got.isCounterpart(of: entries[position]) { continue }
            if !entries.contains(where: { got.isCounterpart(of: $0) }) {
                differences.append(.init(.entry(leaf: got.leaf, subleaf: got.subleaf.index), .addedLeaf))
            }
        }
        return differences
    }
}

extension CPUIDEntry {
    fileprivate func isCounterpart(of other: CPUIDEntry) -> Bool {
        leaf == other.leaf && subleaf.index == other.subleaf.index
    }

    fileprivate func compare(with got: CPUIDEntry, into differences: inout [TableDifference]) {
        for register in CPUIDRegister.allCases where self[register] != got[register] {
            let place = TableDifference.Place.register(leaf: leaf, subleaf: subleaf.index, register)
            let runtime = RuntimeBits.mask(leaf: leaf, subleaf: subleaf.index, register: register)
            let changed = self[register] ^ got[register]
            let isFeatures = FeatureWord(leaf: leaf, subleaf: subleaf.index, register: register) != nil

            func add(_ kind: TableDifference.Kind, _ bits: UInt32) {
                guard bits != 0 else { return }
                differences.append(
                    .init(place, kind, want: UInt64(self[register]), got: UInt64(got[register]), bits: UInt64(bits)))
            }
            add(.runtime, changed & runtime)
            if isFeatures {
                add(.forcedOn, changed & ~runtime & got[register])
                add(.forcedOff, changed & ~runtime & self[register])
            } else {
                add(.valueChanged, changed & ~runtime)
            }
        }
    }
}

/// Compares feature MSRs as they were asked for with what was read back.
public func msrDifferences(want: [UInt32: UInt64], got: [UInt32: UInt64]) -> [TableDifference] {
    want.keys.sorted().compactMap { index in
        guard let wanted = want[index] else { return nil }
        let found = got[index] ?? 0
        return wanted == found
            ? nil : .init(.msr(index), .valueChanged, want: wanted, got: found, bits: wanted ^ found)
    }
}
