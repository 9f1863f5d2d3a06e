// SPDX-License-Identifier: Apache-2.0

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

    @Test func aTableThatDiffersInItsAPICIdAloneIsLikeTheFirst() {
        let tables = VCPUTables([table(apicID: 1), table(apicID: 6)])
        #expect(tables.isFirstButForAPICID(vcpu: 0))
        #expect(tables.isFirstButForAPICID(vcpu: 1))
    }

    @Test func aTableThatDiffersInAnythingElseIsNot() {
        for (position, register) in [(0, CPUIDRegister.eax), (1, .ecx), (2, .ebx), (3, .eax)] {
            var other = table(apicID: 6)
            other.update(at: position) { $0[register] ^= 1 }
            #expect(!VCPUTables([table(apicID: 1), other]).isFirstButForAPICID(vcpu: 1))
        }
        // The low byte of 1.EBX is the brand index.
        var other = table(apicID: 6)
        other.update(at: 1) { $0.ebx |= 1 }
        #expect(!VCPUTables([table(apicID: 1), other]).isFirstButForAPICID(vcpu: 1))
    }

    @Test func ofOtherTablesTheAPICIdsMustBeTheSame() {
        let mine = VCPUTables([table(apicID: 1), table(apicID: 6)])
        #expect(mine.isFirstButForAPICID(vcpu: 1, asIn: mine))
        #expect(!mine.isFirstButForAPICID(vcpu: 1, asIn: VCPUTables([table(apicID: 1), table(apicID: 7)])))
        // The second has what it should have, and the first has not.
        #expect(!mine.isFirstButForAPICID(vcpu: 1, asIn: VCPUTables([table(apicID: 2), table(apicID: 6)])))
        // Entries behind those that change may be others.
        var longer = [table(apicID: 1), table(apicID: 6)]
        for position in longer.indices { longer[position].append(CPUIDEntry(0x8000_0000, eax: 0x8000_0008)) }
        #expect(VCPUTables(longer).isFirstButForAPICID(vcpu: 1, asIn: mine))
        let fewer = VCPUTables([table(apicID: 1)])
        #expect(!mine.isFirstButForAPICID(vcpu: 1, asIn: fewer) && !fewer.isFirstButForAPICID(vcpu: 1, asIn: mine))
    }

    @Test func changesThatFitNoEntryAreNotLikeTheFirst() {
        let tables = VCPUTables(
            first: table(apicID: 0), others: [.changed([.init(entry: 999, register: .ebx, value: 1)])])
        #expect(!tables.isFirstButForAPICID(vcpu: 1))
    }
}
