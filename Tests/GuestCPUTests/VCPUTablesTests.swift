// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct VCPUTablesTests {
    private func table(apicID: UInt32) -> CPUIDTable {
        CPUIDTable([
            CPUIDEntry(0, eax: 0xD, ebx: 1, ecx: 2, edx: 3),
            CPUIDEntry(1, eax: 0xA0F11, ebx: apicID << 24, ecx: 7, edx: 9),
            CPUIDEntry(0xB, .exact(0), eax: 0, ebx: 1, ecx: 0x100, edx: apicID),
            CPUIDEntry(0xB, .exact(1), eax: 2, ebx: 4, ecx: 0x201, edx: apicID),
        ])
    }

    @Test func tablesComeBackAsTheyWere() {
        let tables = (0..<4).map { table(apicID: $0) }
        let kept = VCPUTables(tables)
        #expect(kept.count == 4)
        #expect((0..<4).map { kept[$0] } == tables)
    }

    @Test func onlyAPICIdsAreKeptOfTheOthers() {
        let kept = VCPUTables([table(apicID: 0), table(apicID: 3)])
        #expect(
            kept.others == [
                .changed([
                    .init(entry: 1, register: .ebx, value: 3 << 24), .init(entry: 2, register: .edx, value: 3),
                    .init(entry: 3, register: .edx, value: 3),
                ])
            ])
    }

    @Test func aTableBuiltInAnotherWayIsKeptWhole() {
        let first = table(apicID: 0)
        let shorter = CPUIDTable(Array(first.entries.dropLast()))
        let otherOrder = CPUIDTable(first.entries.reversed())
        let kept = VCPUTables([first, shorter, otherOrder, first])
        #expect(kept.others == [.whole(shorter), .whole(otherOrder), .changed([])])
        #expect((0..<4).map { kept[$0] } == [first, shorter, otherOrder, first])
    }

    @Test func noTableIsAnEmptyOne() {
        #expect(VCPUTables([CPUIDTable]())[0] == CPUIDTable())
    }

    @Test func aChangeThatFitsNoEntryChangesNothing() {
        let first = table(apicID: 0)
        let kept = VCPUTables(first: first, others: [.changed([.init(entry: 999, register: .eax, value: 1)])])
        #expect(kept[1] == first)
    }
}
