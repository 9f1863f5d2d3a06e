// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct TopologyTests {
    @Test func idsOfPowersOfTwoCountUp() throws {
        let topology = try Topology(sockets: 2, dies: 2, cores: 2, threads: 2)
        #expect(topology.vcpuCount == 16)
        #expect((0..<16).map(topology.apicID(of:)) == (0..<16).map { UInt32($0) })
    }

    @Test func idsOfOtherCountsHaveGaps() throws {
        let topology = try Topology(sockets: 2, cores: 3, threads: 1)
        #expect((0..<6).map(topology.apicID(of:)) == [0, 1, 2, 4, 5, 6])
    }

    @Test func idsAreUniqueWhateverTheCounts() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            func count(_ most: UInt32) -> UInt32 { UInt32.random(in: 1...most, using: &generator) }
            let topology = try Topology(
                sockets: count(4), dies: count(3), modules: count(3), cores: count(5), threads: count(3))
            let ids = (0..<topology.vcpuCount).map(topology.apicID(of:))
            #expect(Set(ids).count == topology.vcpuCount)
            #expect(ids == ids.sorted())
            let packages = Set(ids.map { $0 >> topology.apicIDBits(in: .socket) })
            #expect(packages == Set(0..<topology.sockets))
        }
    }

    @Test func zeroAndTooManyAreRefused() {
        #expect(throws: TopologyError.empty(.core)) { try Topology(cores: 0) }
        #expect(throws: TopologyError.tooManyVCPUs) { try Topology(sockets: 65536, cores: 65536) }
        #expect(throws: TopologyError.tooManyVCPUs) { try Topology(sockets: 4097) }
    }

    /// kvm-semantics: T=1, C=2.
    @Test func twoCoresShowInLeaves1And0xB() throws {
        let guest = try TestHosts.guest(
            on: TestHosts.generous(.intel), topology: Topology(cores: 2))
        let table = guest.table(ofVCPU: 1)
        #expect(table.value(1, 0, .ebx) == 0x0102_0800)
        #expect(table.value(1, 0, .edx) & 1 << 28 != 0)
        #expect(table.value(0xB, 1, .ebx) == 2)
        #expect(table.value(0xB, 1, .edx) == 1)
    }

    /// T=2, C=6: core ids take three bits.
    @Test func sixCoresOfTwoThreads() throws {
        let guest = try TestHosts.guest(
            on: TestHosts.generous(.intel), topology: Topology(cores: 6, threads: 2))
        let table = guest.table(ofVCPU: 11)
        #expect(table.value(0xB, 0, .eax) == 1)
        #expect(table.value(0xB, 0, .ebx) == 2)
        #expect(table.value(0xB, 1, .eax) == 4)
        #expect(table.value(0xB, 1, .ebx) == 12)
        #expect(table.value(0xB, 2, .ecx) == 2)
        #expect(table.value(1, 0, .ebx) >> 16 & 0xFF == 16)
        #expect(guest.apicIDs[11] == 11)
    }

    @Test func oneCPUHasNoHTTButBothSubleaves() throws {
        let guest = try TestHosts.guest(on: TestHosts.generous(.intel), topology: Topology())
        let table = guest.table(ofVCPU: 0)
        #expect(table.value(1, 0, .edx) & 1 << 28 == 0)
        #expect(table.value(1, 0, .ebx) == 0x800)
        #expect(table[0xB, 1] != nil)
    }

    @Test func diesShowIn0x1FOnIntelOnly() throws {
        let topology = try Topology(sockets: 2, dies: 2, modules: 2, cores: 2, threads: 2)
        let intel = try TestHosts.guest(on: TestHosts.generous(.intel), topology: topology).table(ofVCPU: 31)
        #expect((0..<4).map { intel.value(0x1F, $0, .ecx) >> 8 } == [1, 2, 3, 5])
        #expect((0..<4).map { intel.value(0x1F, $0, .eax) } == [1, 2, 3, 4])
        #expect((0..<4).map { intel.value(0x1F, $0, .ebx) } == [2, 4, 8, 16])
        #expect(intel.value(0x1F, 4, .ecx) == 4)
        #expect(intel.value(0x1F, 2, .edx) == 31)
        #expect(intel.value(0xB, 1, .eax) == 4)
        #expect(intel.value(0, 0, .eax) >= 0x1F)

        let amd = try TestHosts.guest(
            "Small,+topoext", on: TestHosts.generous(.amd), topology: topology
        ).table(ofVCPU: 31)
        #expect(amd[0x1F] == nil)
        #expect(amd.value(0x8000_001E, 0, .eax) == 31)
        #expect(amd.value(0x8000_001E, 0, .ecx) == 0x103)
        #expect(amd.value(0x8000_0008, 0, .ecx) == 0x400F)
        #expect(amd.value(0x8000_0001, 0, .ecx) & 2 != 0)
    }

    @Test func givenIDsAreUsedAndChecked() throws {
        let host = TestHosts.generous(.intel)
        let topology = try Topology(cores: 2)
        let guest = try TestHosts.guest(on: host, topology: topology, options: .init(apicIDs: [6, 300]))
        #expect(guest.table(ofVCPU: 1).value(0xB, 0, .edx) == 300)
        #expect(guest.table(ofVCPU: 1).value(1, 0, .ebx) >> 24 == 300 & 0xFF)
        #expect(throws: GuestCPUError.apicIDCount(given: 1, vcpus: 2)) {
            try TestHosts.guest(on: host, topology: topology, options: .init(apicIDs: [1]))
        }
        #expect(throws: GuestCPUError.duplicateAPICID(1)) {
            try TestHosts.guest(on: host, topology: topology, options: .init(apicIDs: [1, 1]))
        }
    }
}
