// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import Testing
import X86CPU

/// What is found of the first vCPU and shared must be what would have been found of each.
struct ReadBackOfAllTests {
    private let wanted: [CPUIDTable]
    private let rules: RuntimeRules

    init() throws {
        let host = TestHosts.generous(.amd)
        wanted = try TestHosts.guest(on: host, topology: Topology(cores: 4, threads: 2)).tables.tables
        rules = RuntimeRules(host: host)
    }

    private func readBack(_ got: [CPUIDTable], before: [CPUIDTable]? = nil) -> ReadBack {
        ReadBack(
            wanted: VCPUTables(wanted), before: VCPUTables(before ?? wanted.map { _ in CPUIDTable() }),
            got: VCPUTables(got))
    }

    /// Checks all vCPUs against what is found of each alone; returns how many shared what was found of the first.
    private func check(_ readBack: ReadBack, _ comment: Comment) -> Int {
        var shared = 0
        let found = readBack.differences(by: rules, state: .reset)
        let stamp = StampInput(table: readBack.got[0], featureMSRs: [:])
        for vcpu in wanted.indices {
            #expect(found[vcpu] == readBack.differences(ofVCPU: vcpu, by: rules, state: .reset), comment)
            guard vcpu > 0, readBack.isLikeFirst(vcpu: vcpu) else { continue }
            shared += 1
            #expect(StampInput(table: readBack.got[vcpu], featureMSRs: [:]) == stamp, comment)
        }
        return shared
    }

    @Test func tablesThatAreKeptAreAllLikeTheFirst() {
        #expect(check(readBack(wanted), "") == wanted.count - 1)
        let updated = wanted.map { rules.predicted(setting: $0, over: CPUIDTable(), state: .reset).table }
        #expect(check(readBack(updated), "") == wanted.count - 1)
    }

    @Test func whatKVMDoesToAllIsFoundOnce() {
        let got = wanted.map { table in
            var table = table.removing { $0.leaf == 0x8000_001D }
            table.update(7) { $0.ebx ^= 1 << 5 }
            table.append(CPUIDEntry(0x21, eax: 1))
            return table
        }
        #expect(check(readBack(got), "") == wanted.count - 1)
    }

    @Test func whatKVMDoesToOneIsFoundOfThatOne() {
        for vcpu in wanted.indices {
            var got = wanted
            got[vcpu].update(0xB, 0) { $0.edx ^= 1 }
            let shared = check(readBack(got), "vCPU \(vcpu)")
            #expect(shared == (vcpu == 0 ? 0 : wanted.count - 2))
        }
    }

    @Test func aTableBeforeThatDiffersMakesADifference() {
        var before = wanted
        before[3].update(0x4000_0000) { $0.ebx = 0 }
        #expect(check(readBack(wanted, before: wanted), "") == wanted.count - 1)
        #expect(check(readBack(wanted, before: before), "") == wanted.count - 2)
    }

    @Test(arguments: UInt64(0)..<400) func randomChanges(seed: UInt64) {
        var generator = Generator(seed)
        var got = wanted
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let one = Int.random(in: 0..<wanted.count, using: &generator)
            let vcpus = Bool.random(using: &generator) ? Array(wanted.indices) : [one]
            let place = Int.random(in: 0..<64, using: &generator)
            let kind = Int.random(in: 0..<8, using: &generator)
            let register = CPUIDRegister.allCases.randomElement(using: &generator) ?? .eax
            let bit: UInt32 = 1 << UInt32.random(in: 0..<32, using: &generator)
            for vcpu in vcpus {
                var entries = got[vcpu].entries
                let position = place % entries.count
                switch kind {
                case 0: entries.remove(at: position)
                case 1: entries.append(CPUIDEntry(0x100 + UInt32(place), ebx: bit))
                case 2: entries.insert(CPUIDEntry(0x100 + UInt32(place)), at: position)
                case 3: entries.swapAt(position, 0)
                case 4: entries[position] = CPUIDEntry(entries[position].leaf, entries[position].subleaf)
                default: entries[position][register] ^= bit
                }
                got[vcpu] = CPUIDTable(entries)
            }
        }
        _ = check(readBack(got), "seed \(seed)")
    }

    /// SplitMix64.
    private struct Generator: RandomNumberGenerator {
        private var state: UInt64

        init(_ seed: UInt64) { state = seed }

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}
