// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct XSAVETests {
    static let size = XSAVESize(table: CPUIDTable(TestHosts.xsave))

    /// kvm-semantics section 9, assertion 4.
    @Test(arguments: [
        (UInt64(3), UInt32(0x240), UInt32(0x240)), (7, 0x340, 0x340), (0xE7, 0xA80, 0x980), (0x602E7, 0x2B00, 0x2A00),
        (0x2E7, 0xA88, 0x988),
    ])
    func sizes(components: UInt64, standard: UInt32, compacted: UInt32) {
        #expect(Self.size.standard(components) == standard)
        #expect(Self.size.compacted(components) == compacted)
    }

    @Test func componentsFollowFeatures() throws {
        let host = TestHosts.generous(.intel)
        let plain = try TestHosts.guest(on: host, topology: Topology()).table(ofVCPU: 0)
        #expect(plain.value(0xD, 0, .eax) == 0x207)
        #expect(plain.value(0xD, 0, .ecx) == 0xA88)
        #expect(plain.value(0xD, 0, .ebx) == 0x240)
        #expect(plain.value(0xD, 1, .eax) == 1)
        #expect(plain.value(0xD, 1, .ebx) == 0)
        #expect(plain[0xD, 5] == nil)

        let wide = try TestHosts.guest(
            "Small,+avx512f,+xsavec,+xsaves,+cet-ss", on: host, topology: Topology()
        ).table(ofVCPU: 0)
        #expect(wide.value(0xD, 0, .eax) == 0x2E7)
        #expect(wide.value(0xD, 1, .ebx) == 0x240)
        #expect(wide.value(0xD, 1, .ecx) == 0x1800)
        #expect(wide[0xD, 11]?.ecx == 1)
        #expect(wide[0xD, 11]?.ebx == 0)
    }

    @Test func offsetsAreTheHosts() throws {
        var host = TestHosts.generous(.intel)
        var supported = host.supported
        supported.update(0xD, 9) { $0.ebx = 832 }
        host = HostCPU(identity: host.identity, supported: supported, featureMSRs: host.featureMSRs)
        let table = try TestHosts.guest(on: host, topology: Topology()).table(ofVCPU: 0)
        #expect(table[0xD, 9]?.ebx == 832)
        #expect(table.value(0xD, 0, .ecx) == 840)
    }

    @Test func withoutXSAVEThereIsNoLeaf() throws {
        let table = try TestHosts.guest("Small,-xsave", on: TestHosts.generous(.intel), topology: Topology()).table(
            ofVCPU: 0)
        #expect(table[0xD] == nil)
        #expect(!FeatureSet(table: table).contains(.avx))
        #expect(!FeatureSet(table: table).contains(.pku))
    }

    /// The stored table of a model is that of a vCPU after reset: KVM changes nothing of it.
    @Test func resetStateChangesNothing() throws {
        for vendor in [CPUVendor.intel, .amd] {
            let table = try TestHosts.guest(
                "Small,+avx512f,+xsavec", on: TestHosts.generous(vendor), topology: Topology(cores: 2)
            ).table(ofVCPU: 1)
            let rules = RuntimeRules(host: TestHosts.generous(vendor))
            let predicted = rules.predicted(setting: table, over: CPUIDTable(), state: PartialVCPUState(.reset))
            #expect(predicted.table == table)
            #expect(predicted.unknown.isEmpty)
        }
    }
}
