// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import Testing
import X86CPU

/// The leaves that are there only when the VM's owner, or the host, gives what they need.
struct OptionalLeavesTests {
    private static func table(
        _ expression: String = "Small", on host: HostCPU = TestHosts.generous(.intel),
        with options: GuestCPU.Options
    ) throws -> CPUIDTable {
        try TestHosts.guest(expression, on: host, topology: Topology(), options: options).table(ofVCPU: 0)
    }

    @Test func frequenciesAgreeWithEachOther() throws {
        for kHz: UInt32 in [1, 2_199_999, 3_000_000, .max] {
            let table = try Self.table(with: .init(tscKHz: kHz, level: 0x16))
            let ratio = try #require(table[0x15])
            // Intel SDM volume 2: TSC frequency = ECX * EBX / EAX.
            #expect(UInt64(ratio.ecx) * UInt64(ratio.ebx) / UInt64(ratio.eax) == UInt64(kHz) * 1000)
            #expect(table.value(0x4000_0010, 0, .eax) == kHz)
            #expect(table.value(0x4000_0010, 0, .ebx) * 1000 == ratio.ecx, "the crystal is the APIC timer's clock")
            #expect(table.value(0x4000_0000, 0, .eax) == 0x4000_0010)
        }
        let old = try Self.table(with: .init(tscKHz: 2_000_000))
        #expect(old[0x15] == nil, "a leaf that only describes does not raise a model's level")
        #expect(old[0x4000_0010] != nil)
        #expect(try Self.table(on: TestHosts.generous(.amd), with: .init(tscKHz: 2_000_000, level: 0x16))[0x15] == nil)
    }

    @Test func anExplicitLevelIsTheLevel() throws {
        let table = try Self.table(with: .init(level: 7, extendedLevel: 0x8000_0004))
        #expect(table.value(0, 0, .eax) == 7)
        #expect(table.value(0x8000_0000, 0, .eax) == 0x8000_0004)
        #expect(table.entries.allSatisfy { $0.leaf <= 7 || $0.leaf >= 0x4000_0000 })
        #expect(table.entries.allSatisfy { $0.leaf <= 0x8000_0004 })
        let guest = try TestHosts.guest(
            "Small,+xsaveopt", on: TestHosts.generous(.intel), topology: Topology(), options: .init(level: 7))
        #expect(guest.missing.contains(.init(feature: .xsaveopt, reason: .beyondLevel(7))))
        #expect(try Self.table(with: .init(level: 0x20)).value(0, 0, .eax) == 0x20)
    }

    @Test func cachesCanBeHidden() throws {
        let table = try Self.table(with: .init(caches: .none))
        #expect(table[4, 0]?.isZero == true)
        #expect(table[4, 1] == nil)
        #expect(table[0x8000_0006] == nil)
    }

    @Test func countersAreTheHosts() throws {
        var supported = TestHosts.generous(.intel).supported
        supported.append(CPUIDEntry(0xA, eax: 0x0730_0802, edx: 0x603))
        let host = HostCPU(
            identity: TestHosts.generous(.intel).identity, supported: supported,
            featureMSRs: TestHosts.generous(.intel).featureMSRs)
        #expect(try Self.table("Small,+pdcm", on: host, with: .init(hasPMU: true)).value(0xA, 0, .eax) == 0x0730_0802)
        #expect(try Self.table("Small", on: host, with: .init())[0xA] == nil)
        let without = try TestHosts.guest("Small,+pdcm", on: host, topology: Topology())
        #expect(without.missing == [.init(feature: .pdcm, reason: .needsOption("pmu"))])
        #expect(throws: GuestCPUError.noPMU) {
            try Self.table(on: TestHosts.generous(.intel), with: .init(hasPMU: true))
        }
    }

    @Test func enclavesHaveTheirSections() throws {
        let section = try #require(EnclavePageCacheSection(address: 0x1_8000_0000, size: 0x2_0000_1000))
        let table = try Self.table("Small,+sgx,+sgx1", with: .init(enclavePageCache: [section]))
        #expect(table.value(0x12, 0, .eax) & 1 == 1)
        #expect(table[0x12, 2] == CPUIDEntry(0x12, .exact(2), eax: 0x8000_0001, ebx: 1, ecx: 0x1001, edx: 2))
        #expect(FeatureSet(table: table).contains(.sgx))
        #expect(EnclavePageCacheSection(address: 0x800, size: 4096) == nil)
        #expect(EnclavePageCacheSection(address: 0, size: 0) == nil)
    }

    @Test func tracingNeedsAllThatGuestsAreToldOf() throws {
        let generous = TestHosts.generous(.intel)
        var supported = generous.supported.removing { $0.leaf == 0x14 }
        supported.append(CPUIDEntry(0x14, .exact(0), eax: 1, ebx: 0x5F, ecx: 0x8000_0007))
        supported.append(CPUIDEntry(0x14, .exact(1), eax: 0x0249_0004, ebx: 0x003F_3FFF))
        let host = HostCPU(identity: generous.identity, supported: supported, featureMSRs: generous.featureMSRs)
        let table = try Self.table("Small,+intel-pt", on: host, with: .init())
        #expect(table[0x14, 0] == CPUIDEntry(0x14, .exact(0), eax: 1, ebx: 0xF, ecx: 7))
        #expect(table[0x14, 1] == CPUIDEntry(0x14, .exact(1), eax: 0x0249_0002, ebx: 0x003F_1FFF))
        #expect(try Self.table("Small,+intel-pt", on: generous, with: .init())[0x14, 0] == nil)
    }

    @Test func extendedTopologyOnRequest() throws {
        let topology = try Topology(sockets: 2, dies: 2, modules: 3, cores: 4, threads: 2)
        let options = GuestCPU.Options(hasExtendedTopology: true)
        let amd = try TestHosts.guest(on: TestHosts.generous(.amd), topology: topology, options: options)
        let table = amd.table(ofVCPU: 49)
        #expect((0..<5).map { table.value(0x8000_0026, $0, .ecx) } == [0x100, 0x201, 0x302, 0x403, 4])
        #expect((0..<4).map { table.value(0x8000_0026, $0, .eax) } == [1, 3, 5, 6])
        #expect((0..<4).map { table.value(0x8000_0026, $0, .ebx) } == [2, 8, 24, 48])
        #expect(table.value(0x8000_0026, 3, .edx) == amd.apicIDs[49])
        #expect(table.value(0x8000_0000, 0, .eax) == 0x8000_0026)
        let intel = try Self.table(with: .init(hasExtendedTopology: true))
        #expect(intel.value(0x1F, 1, .ecx) == 0x201)
        #expect(try Self.table(with: .init())[0x1F, 0] == nil)
    }

    @Test func addressWidthsAreLimited() throws {
        #expect(try Self.table(with: .init(physicalAddressLimit: 46)).value(0x8000_0008, 0, .eax) & 0xFF == 46)
        #expect(try Self.table(with: .init(physicalAddressLimit: 52)).value(0x8000_0008, 0, .eax) & 0xFF == 52)
        #expect(
            try Self.table(with: .init(physicalAddressBits: 40, physicalAddressLimit: 46)).value(0x8000_0008, 0, .eax)
                & 0xFF
                == 40)
    }

    @Test func aGuestCanBeKeptFromSeeingKVM() throws {
        let table = try Self.table(with: .init(exposesKVM: false))
        #expect(table.entries.allSatisfy { $0.leaf >> 28 != 4 })
        #expect(FeatureSet(table: table).contains(.hypervisor))
    }

    @Test func hyperVMovesKVMsLeaves() throws {
        let generous = TestHosts.generous(.intel)
        let everything = CPUIDTable((UInt32(0x4000_0000)...0x4000_000A).map { CPUIDEntry($0, eax: .max, edx: .max) })
        let host = HostCPU(
            identity: generous.identity, supported: generous.supported, hyperV: everything,
            featureMSRs: generous.featureMSRs)
        let table = try Self.table(on: host, with: .init(hyperV: [.relaxed, .vapic, .time, .vpindex, .synic, .stimer]))
        #expect(table.value(0x4000_0001, 0, .eax) == 0x3123_7648)
        #expect(table.value(0x4000_0003, 0, .eax) == 0b10_0111_1110)
        #expect(table.value(0x4000_0004, 0, .eax) == 0b10_1000)
        #expect(table.value(0x4000_0100, 0, .eax) == 0x4000_0101)
        #expect(table.value(0x4000_0100, 0, .ebx) == 0x4B4D_564B)
        #expect(table.value(0x4000_0101, 0, .eax) & 1 == 1)
        #expect(throws: GuestCPUError.noHyperV(.relaxed)) {
            try Self.table(on: generous, with: .init(hyperV: [.relaxed]))
        }
        #expect(throws: GuestCPUError.hyperVNeeds(.stimer, .synic)) {
            try Self.table(on: host, with: .init(hyperV: [.stimer, .time]))
        }
    }

    @Test func everyPartOfHyperVNeedsOnlyWhatIsThere() {
        for feature in HyperVFeature.allCases {
            var seen: Set<HyperVFeature> = []
            var open = feature.needs
            while let next = open.popLast() {
                #expect(next != feature, "\(feature.rawValue) needs itself")
                if seen.insert(next).inserted { open += next.needs }
            }
        }
    }
}
