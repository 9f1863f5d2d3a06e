// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct ReadbackTests {
    private let table: CPUIDTable

    init() throws {
        table = try TestHosts.guest(on: TestHosts.generous(.intel), topology: Topology(cores: 4, threads: 2)).table(
            ofVCPU: 5)
    }

    private func changed(_ change: (inout CPUIDTable) -> Void) -> [TableDifference] {
        var readBack = table
        change(&readBack)
        return table.differences(in: readBack)
    }

    @Test func equalTablesAreExact() {
        #expect(table.differences(in: table).isEmpty)
        #expect(Verdict(table.differences(in: table)) == .exact)
    }

    @Test func stateIsRuntime() {
        let state = PartialVCPUState(VCPUState(cr4: 1 << 18 | 1 << 22, apicBase: 0, xcr0: 7))
        let running = RuntimeRules(host: TestHosts.generous(.intel))
            .predicted(setting: table, over: CPUIDTable(), state: state)
        let differences = table.differences(in: running.table, predicting: running)
        #expect(differences.count == 4)
        #expect(differences.allSatisfy { $0.kind == .runtime })
        #expect(Verdict(differences) == .runtime)
    }

    @Test func forcedBitsAreNamed() {
        let differences = changed { $0.update(7) { $0.ebx = $0.ebx | 1 << 16 & ~(1 << 5) } }
        #expect(differences.map(\.kind) == [.forcedOn])
        #expect(differences.first?.features == [.avx512f])
        #expect(Verdict(differences) == .altered)
    }

    @Test func bothDirectionsAreTold() {
        let differences = changed { $0.update(7) { $0.ebx ^= 1 << 16 | 1 << 5 } }
        #expect(differences.map(\.kind) == [.forcedOn, .forcedOff])
        #expect(differences.map(\.features) == [[.avx512f], [.avx2]])
    }

    @Test func runtimeAndForcedBitsOfOneRegisterAreApart() {
        let differences = changed { $0.update(1) { $0.ecx ^= 1 << 27 | 1 << 12 } }
        #expect(differences.map(\.kind) == [.runtime, .forcedOn])
        #expect(differences.map(\.bits) == [1 << 27, 1 << 12])
    }

    @Test func otherFieldsAreValues() {
        let differences = changed { $0.update(0x8000_0002) { $0.eax ^= 1 } }
        #expect(differences.map(\.kind) == [.valueChanged])
        #expect(differences.first?.features == [])
    }

    @Test func leavesComeAndGo() {
        var readBack = table.removing { $0.leaf == 0xB && $0.subleaf == .exact(1) }
        readBack.append(CPUIDEntry(0xD, .exact(7), eax: 1024, ebx: 1664))
        #expect(
            table.differences(in: readBack).map(\.place) == [
                .entry(leaf: 0xB, subleaf: 1), .entry(leaf: 0xD, subleaf: 7),
            ])
        #expect(table.differences(in: readBack).map(\.kind) == [.droppedLeaf, .addedLeaf])
    }

    @Test func orderAndZerosAreNoDifference() {
        var readBack = CPUIDTable(table.entries.reversed())
        readBack.append(CPUIDEntry(3))
        #expect(table.differences(in: readBack).isEmpty)
        #expect(
            Stamp(table: readBack, featureMSRs: [:]) == Stamp(table: table, featureMSRs: [:]))
    }

    @Test func everyOtherBitMovesTheStamp() {
        let stamp = Stamp(table: table, featureMSRs: [0x10A: 1])
        #expect(stamp != Stamp(table: table, featureMSRs: [0x10A: 3]))
        #expect(stamp != Stamp(table: table, featureMSRs: [:]))
        for entry in table.entries {
            for register in CPUIDRegister.allCases {
                for bit in UInt32(0)..<32 {
                    var other = table
                    other.update(entry.leaf, entry.subleaf.index) { $0[register] ^= 1 << bit }
                    let isHidden =
                        RuntimeBits.mask(leaf: entry.leaf, subleaf: entry.subleaf.index, register: register) >> bit & 1
                        != 0
                        || other.withoutAPICIDs() == table.withoutAPICIDs()
                    let isEqual = Stamp(table: other, featureMSRs: [0x10A: 1]) == stamp
                    #expect(isEqual == isHidden, "leaf \(entry.leaf) \(register) bit \(bit)")
                }
            }
        }
    }

    @Test func aStampHasOneForm() {
        let stamp = Stamp(table: CPUIDTable(), featureMSRs: [:]).description
        #expect(stamp.hasPrefix("1-"))
        #expect(stamp.count == 26)
    }
}
