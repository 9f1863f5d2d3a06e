// SPDX-License-Identifier: Apache-2.0

import Testing
import X86CPU

@Suite struct HostCPUTests {
    private func host(
        _ entries: [CPUIDEntry], emulated: [CPUIDEntry] = [], native: [CPUIDEntry] = [], vendor: CPUVendor = .intel,
        msrs: [UInt32: UInt64] = [:], capabilities: [String: Int] = [:]
    ) -> HostCPU {
        HostCPU(
            identity: HostCPU.Identity(vendor: vendor, signature: CPUSignature(eax: 0)), supported: CPUIDTable(entries),
            emulated: CPUIDTable(emulated), native: CPUIDTable(native), featureMSRs: msrs, capabilities: capabilities)
    }

    @Test func whatKVMLeavesToTheVMMIsGrantable() {
        let host = host([CPUIDEntry(1, ecx: 1 << 28)])
        for feature in [Feature.avx, .hypervisor, .ht, .cmpLegacy, .kvmHintDedicated] {
            #expect(host.grantable.contains(feature))
        }
        #expect(!host.grantable.contains(.xsave))
    }

    @Test func hintsComeFromTheCPUAndNothingElseDoes() {
        let host = host(
            [CPUIDEntry(7, .exact(0))], native: [CPUIDEntry(7, .exact(0), ebx: 1 << 9 | 1 << 5, edx: 1 << 4)])
        #expect(host.grantable.contains(.erms) && host.grantable.contains(.fsrm))
        #expect(!host.grantable.contains(.avx2))
    }

    @Test func runtimeBitsAreNotGrantable() {
        let host = host([CPUIDEntry(1, ecx: 1 << 27), CPUIDEntry(7, .exact(0), ecx: 1 << 4)])
        #expect(!host.grantable.contains(.osxsave) && !host.grantable.contains(.ospke))
    }

    @Test func theDeadlineTimerShowsInItsCapabilityToo() {
        #expect(!host([]).grantable.contains(.tscDeadline))
        #expect(host([], capabilities: ["TSC_DEADLINE_TIMER": 1]).grantable.contains(.tscDeadline))
    }

    @Test func noAMDGuestGetsArchCapabilities() {
        let leaf = [CPUIDEntry(7, .exact(0), edx: 1 << 29)]
        let intel = host(leaf, msrs: [0x10A: 0xFF])
        #expect(intel.grantable.contains(.archCapabilities) && intel.grantable[.archCapabilities] == 0xFF)
        let amd = host(leaf, vendor: .amd, msrs: [0x10A: 0xFF])
        #expect(!amd.grantable.contains(.archCapabilities) && amd.grantable[.archCapabilities] == 0)
    }

    @Test func amxNeedsItsState() {
        let amx = CPUIDEntry(7, .exact(0), edx: 1 << 24)
        #expect(!host([amx, CPUIDEntry(0xD, .exact(0), eax: 0x207)]).grantable.contains(.amxTile))
        #expect(host([amx, CPUIDEntry(0xD, .exact(0), eax: 0x6_0207)]).grantable.contains(.amxTile))
    }

    @Test func kvmHonoursEmulatedFeaturesAndMWAIT() {
        let host = host([CPUIDEntry(1, ecx: 1 << 28)], emulated: [CPUIDEntry(1, ecx: 1 << 22)])
        let movbe = FeatureRegistry.shared.feature(named: "movbe")
        #expect(host.caps.has(.avx) && host.caps.honours(.avx))
        #expect(movbe.map { !host.caps.has($0) && host.caps.honours($0) } == true)
        #expect(!host.caps.has(.monitor) && host.caps.honours(.monitor))
        #expect(host.caps.honoured(of: [.avx, .monitor, .xsave]) == [.avx, .monitor])
    }

    @Test func physicalAddressBitsDefaultToKVMsAssumption() {
        #expect(host([]).physicalAddressBits == 36)
        #expect(host([CPUIDEntry(0x8000_0008, eax: 0x3030)]).physicalAddressBits == 48)
    }
}
