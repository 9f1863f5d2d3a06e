// SPDX-License-Identifier: Apache-2.0

public import X86CPU

extension CPUIDTable {
    /// How a table read back differs from this one, the one asked for; in order of the entries.
    ///
    /// An entry of zeros that was dropped, or added, is no difference: a guest sees none. Bits that KVM keeps up to
    /// date are judged by what was predicted for them: as predicted, or as they may be where nothing was, they are
    /// ``TableDifference/Kind/runtime``; otherwise KVM changed them like any other.
    public func differences(in readBack: CPUIDTable, predicting predicted: UpdatedTable) -> [TableDifference] {
        if readBack == self, predicted.table == self { return [] }
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
            let expected = position < predicted.table.entries.count ? predicted.table.entries[position] : wanted
            if got == wanted, expected == wanted { continue }
            wanted.compare(
                with: got, expected: expected, unknown: predicted.unknown.filter { $0.isOf(wanted) },
                into: &differences)
        }
        for (position, got) in readBack.entries.enumerated() where !got.isZero {
            if position < entries.count, got.isCounterpart(of: entries[position]) { continue }
            if !entries.contains(where: { got.isCounterpart(of: $0) }) {
                differences.append(.init(.entry(leaf: got.leaf, subleaf: got.subleaf.index), .addedLeaf))
            }
        }
        return differences
    }

    /// How a table read back differs from this one where nothing is known of the vCPU's state.
    public func differences(in readBack: CPUIDTable) -> [TableDifference] {
        var predicted = UpdatedTable(table: self, unknown: [])
        for entry in entries {
            for register in CPUIDRegister.allCases {
                predicted.unknown += UnknownField.all(leaf: entry.leaf, subleaf: entry.subleaf.index, register)
            }
        }
        return differences(in: readBack, predicting: predicted)
    }
}

extension UnknownField {
    fileprivate func isOf(_ entry: CPUIDEntry) -> Bool { leaf == entry.leaf && subleaf == entry.subleaf.index }
}

extension CPUIDEntry {
    fileprivate func isCounterpart(of other: CPUIDEntry) -> Bool {
        leaf == other.leaf && subleaf.index == other.subleaf.index
    }

    fileprivate func compare(
        with got: CPUIDEntry, expected: CPUIDEntry, unknown: [UnknownField],
        into differences: inout [TableDifference]
    ) {
        for register in CPUIDRegister.allCases {
            let (asked, expected, got) = (self[register], expected[register], got[register])
            if got == asked, got == expected { continue }
            let place = TableDifference.Place.register(leaf: leaf, subleaf: subleaf.index, register)
            let allowed = unknown.filter { $0.register == register && $0.allows(got, stored: asked) }
            let unpredicted = allowed.reduce(0) { $0 | $1.mask }
            let wrong = (expected ^ got) & ~unpredicted
            let isFeatures = FeatureWord(leaf: leaf, subleaf: subleaf.index, register: register) != nil

            func add(
                _ kind: TableDifference.Kind, _ bits: UInt32, want: UInt32, missing: [VCPUStateSource] = []
            ) {
                guard bits != 0 else { return }
                differences.append(
                    .init(
                        place, kind, want: UInt64(want), got: UInt64(got), bits: UInt64(bits), missing: missing))
            }
            add(.runtime, (asked ^ got) & ~wrong & ~unpredicted, want: asked)
            for field in allowed { add(.runtime, (asked ^ got) & field.mask, want: asked, missing: field.missing) }
            if isFeatures {
                add(.forcedOn, wrong & got, want: expected)
                add(.forcedOff, wrong & expected, want: expected)
            } else {
                add(.valueChanged, wrong, want: expected)
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
