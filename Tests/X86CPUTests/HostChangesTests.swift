// SPDX-License-Identifier: Apache-2.0

import Testing
import X86CPU

@Suite struct HostChangesTests {
    private func host(
        kernel: String = "6.12.1", microcode: UInt32 = 0xA001, ebx7: UInt32 = 1 << 5, widths: UInt32 = 48 << 8 | 46,
        msrs: [UInt32: UInt64] = [:], capabilities: [String: Int] = [:]
    ) throws -> HostCPU {
        let signature = try #require(CPUSignature(family: 6, model: 106, stepping: 6))
        return HostCPU(
            identity: .init(
                vendor: .intel, signature: signature, brand: "CPU", microcode: microcode, kernel: kernel,
                module: "kvm_intel"),
            supported: CPUIDTable([
                CPUIDEntry(0, eax: 0x16), CPUIDEntry(1, ebx: 0x1200_0800), CPUIDEntry(7, .exact(0), ebx: ebx7),
                CPUIDEntry(0x8000_0008, eax: widths),
            ]), featureMSRs: msrs, capabilities: capabilities)
    }

    @Test func nothingChangesByItself() throws {
        #expect(try HostChanges(from: host(), to: host()).isEmpty)
    }

    @Test func apicIDOfTheCPUThatAnsweredIsNoChange() throws {
        let other = CPUIDTable([
            CPUIDEntry(0, eax: 0x16), CPUIDEntry(1, ebx: 0x3400_0800), CPUIDEntry(7, .exact(0), ebx: 1 << 5),
            CPUIDEntry(0x8000_0008, eax: 48 << 8 | 46),
        ])
        let here = try host()
        let now = HostCPU(identity: here.identity, supported: other)
        #expect(HostChanges(from: here, to: now).isEmpty)
    }

    @Test func featuresAreLostAndGained() throws {
        let changes = try HostChanges(from: host(ebx7: 1 << 5 | 1 << 16), to: host(ebx7: 1 << 5 | 1 << 18))
        #expect(Array(changes.lost) == [FeatureRegistry.shared.feature(named: "avx512f")])
        #expect(Array(changes.gained) == [FeatureRegistry.shared.feature(named: "rdseed")])
        #expect(changes.registers.isEmpty)
    }

    @Test func identityIsToldByField() throws {
        let changes = try HostChanges(from: host(), to: host(kernel: "7.0.2", microcode: 0))
        #expect(changes.identity.map(\.place) == [.microcode, .kernel])
        #expect(changes.identity[0].before == "0xa001")
        #expect(changes.identity[0].now == nil)
        #expect(changes.identity[1].now == "7.0.2")
    }

    @Test func featureMSRsAreToldWithTheirBits() throws {
        let before = try host(msrs: [0x10A: 0b11, 0x8B: 1 << 32, 0x345: 7])
        let changes = try HostChanges(from: before, to: host(msrs: [0x10A: 0b10, 0x8B: 2 << 32]))
        #expect(changes.msrs.map(\.place) == [0x10A, 0x345])
        #expect(changes.msrs[0].before == 0b11)
        #expect(changes.msrs[1].now == nil)
        #expect(changes.lost.contains(try #require(FeatureRegistry.shared.feature(named: "rdctl-no"))))
    }

    @Test func widthsAndCapabilitiesAreValues() throws {
        let changes = try HostChanges(
            from: host(capabilities: ["MAX_VCPUS": 1024, "OLD": 1]),
            to: host(widths: 48 << 8 | 45, capabilities: ["MAX_VCPUS": 4096]))
        #expect(changes.registers.map { "\($0.place.leaf) \($0.place.register)" } == ["\(UInt32(0x8000_0008)) eax"])
        #expect(changes.capabilities.map(\.place) == ["MAX_VCPUS", "OLD"])
        #expect(changes.capabilities[1].now == nil)
    }
}
