// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import Testing
import X86CPU

struct LeavesTests {
    @Test func brandStringIsPadded() throws {
        let table = try TestHosts.guest(on: TestHosts.generous(.intel), topology: Topology()).table(ofVCPU: 0)
        let bytes = (UInt32(0x8000_0002)...0x8000_0004).flatMap { leaf in
            CPUIDRegister.allCases.flatMap { register in
                (0..<4).map { UInt8(truncatingIfNeeded: table.value(leaf, 0, register) >> ($0 * 8)) }
            }
        }
        #expect(bytes.count == 48)
        #expect(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) == "A small CPU")
    }

    @Test func linearAddressesFollowLA57() throws {
        let host = TestHosts.generous(.intel)
        let with = try TestHosts.guest(on: host, topology: Topology()).table(ofVCPU: 0)
        let without = try TestHosts.guest("Small,-la57", on: host, topology: Topology()).table(ofVCPU: 0)
        #expect(with.value(0x8000_0008, 0, .eax) == 0x3934)
        #expect(without.value(0x8000_0008, 0, .eax) == 0x3034)
    }

    @Test func physicalAddressesFollowTheRequest() throws {
        let host = TestHosts.generous(.intel)
        let table = try TestHosts.guest(
            on: host, topology: Topology(), options: .init(physicalAddressBits: 40)
        ).table(ofVCPU: 0)
        #expect(table.value(0x8000_0008, 0, .eax) & 0xFF == 40)
        #expect(throws: GuestCPUError.physicalAddressBits(asked: 53, host: 52)) {
            try TestHosts.guest(on: host, topology: Topology(), options: .init(physicalAddressBits: 53))
        }
    }

    @Test func aFeatureIsWithinReachOfTheLevel() throws {
        let table = try TestHosts.guest(
            "Small,+amx-tile,+xfd,+xgetbv1,+xsavec,+xsaves", on: TestHosts.generous(.intel), topology: Topology()
        ).table(ofVCPU: 0)
        #expect(table[0x1D, 1]?.eax == 0x0400_2000)
        #expect(table[0x1D, 1]?.ebx == 0x0008_0040)
        #expect(table[0x1E, 0]?.ebx == 0x4010)
        #expect(table.value(0, 0, .eax) == 0x1E)
    }

    @Test func whatWasNotAskedForIsWithheld() throws {
        let guest = try TestHosts.guest("Small,+sgx,+intel-pt", on: TestHosts.generous(.intel), topology: Topology())
        #expect(guest.withheld.contains(.init(feature: .sgx, reason: .needsOption("enclavePageCache"))))
        #expect(guest.withheld.contains(.init(feature: .intelPt, reason: .notOffered)))
        #expect(!FeatureSet(table: guest.table(ofVCPU: 0)).contains(.sgx))
        #expect(guest.missing.map(\.feature).contains(.sgx), "the expression asked for it")
    }

    @Test func archCapabilitiesAreWrittenWhereTheGuestCanReadThem() throws {
        let host = TestHosts.generous(.intel)
        let guest = try TestHosts.guest(
            "Small,+arch-capabilities,+rdctl-no,+mds-no", on: host, topology: Topology())
        #expect(guest.featureMSRs == [0x10A: 1 << 0 | 1 << 5])
        #expect(try TestHosts.guest(on: host, topology: Topology()).featureMSRs.isEmpty)
    }

    @Test func amdRepeatsItsBits() throws {
        let table = try TestHosts.guest(on: TestHosts.generous(.amd), topology: Topology()).table(ofVCPU: 0)
        #expect(table.value(0x8000_0001, 0, .edx) & 0x0183_F3FF == table.value(1, 0, .edx) & 0x0183_F3FF)
        #expect(table.value(0x8000_0001, 0, .eax) == table.value(1, 0, .eax))
        #expect(table.value(0x8000_0000, 0, .ebx) == CPUVendor.amd.ebx)
        let intel = try TestHosts.guest(on: TestHosts.generous(.intel), topology: Topology()).table(ofVCPU: 0)
        #expect(intel.value(0x8000_0001, 0, .edx) & 0x0183_F3FF == 0)
    }

    @Test func vcpusDifferInTheirIDsOnly() throws {
        for vendor in [CPUVendor.intel, .amd] {
            let guest = try TestHosts.guest(
                "Small,+topoext", on: TestHosts.generous(vendor), topology: Topology(sockets: 2, cores: 3, threads: 2))
            let tables = (0..<guest.vcpuCount).map(guest.table(ofVCPU:))
            #expect(Set(tables).count == guest.vcpuCount)
            #expect(Set(tables.map { $0.withoutAPICIDs() }).count == 1)
            #expect(Set(tables.map { Stamp(table: $0, featureMSRs: [:]) }).count == 1)
        }
    }
}
