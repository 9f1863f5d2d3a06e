// SPDX-License-Identifier: Apache-2.0

import ConformanceSupport
import GuestCPU
import JSON
import Testing
import X86CPU

struct KVMRulesTests {
    private static func host(
        kernel: String = "", module: String = "kvm_intel", capabilities: [String: Int] = [:], isListed: Bool = false
    ) -> HostCPU {
        let generous = TestHosts.generous(.intel, without: isListed ? [] : [.hypervisor])
        var supported = generous.supported
        supported.update(0xD, 1) { $0.ecx = 0 }
        return HostCPU(
            identity: .init(
                vendor: .intel, signature: generous.identity.signature, kernel: kernel, module: module),
            supported: supported, capabilities: capabilities)
    }

    @Test(
        "recorded hosts are known for what they are",
        .enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)),
        arguments: Conformance.files(in: "kvm-hosts", ending: ".json"))
    func recordedHosts(_ file: String) throws {
        let host = try HostCPU(kvmHost: Conformance.json("kvm-hosts/\(file)"))
        let expected: KVMGeneration? =
            if host.identity.kernel.hasPrefix("6.1.") { .linux6_1 } else if host.identity.kernel.hasPrefix("6.12.") {
                .linux6_9
            } else if host.identity.kernel.hasPrefix("6.18.") { .linux6_18 } else { nil }
        let generation = try #require(expected, "a kernel that this test knows: \(host.identity.kernel)")
        #expect(KVMRules(host: host).generation == generation)
    }

    @Test func theVersionChoosesWithinWhatKVMSays() {
        #expect(KVMRules(host: Self.host(kernel: "6.1.0-56-amd64")).generation == .linux6_1)
        #expect(KVMRules(host: Self.host(kernel: "6.5.3")).generation == .linux6_4)
        #expect(KVMRules(host: Self.host(kernel: "6.8.12")).generation == .linux6_6)
        #expect(KVMRules(host: Self.host(kernel: "6.9.0")).generation == .linux6_9)
        #expect(KVMRules(host: Self.host(kernel: "6.12.95+deb12-amd64")).generation == .linux6_9)
        // No kernel that leaves HYPERVISOR out of its list is as new as its version says.
        #expect(KVMRules(host: Self.host(kernel: "6.18.1")).generation == .linux6_9)
        #expect(KVMRules(host: Self.host(kernel: "6.1.0", isListed: true)).generation == .linux6_14)
        #expect(KVMRules(host: Self.host(kernel: "6.1.0")).evidence == .version)
        #expect(KVMRules(host: Self.host(kernel: "mine")).evidence == .assumed)
    }

    @Test func whatKVMSaysLeavesNoOtherWhereItIsDefinite() {
        let rules = KVMRules(host: Self.host(kernel: "6.1.0", capabilities: ["DISABLE_QUIRKS2": 1 << 8]))
        #expect(rules.generation == .linux6_9)
        #expect(rules.evidence == .tells)
        let newest = KVMRules(host: Self.host(capabilities: ["ONE_REG": 1], isListed: true))
        #expect(newest.generation == .linux6_18)
        #expect(newest.evidence == .tells)
    }

    @Test func pvmIsNeitherSVMNorTwoDimensional() {
        let rules = KVMRules(host: Self.host(module: "kvm_pvm"))
        #expect(rules.isPVM && !rules.isSVM && !rules.usesTDP)
        #expect(KVMRules(host: Self.host(module: "kvm_amd")).isSVM)
    }

    @Test func governedFeaturesStayWithinTheHostBeforeAllDid() throws {
        let host = TestHosts.generous(.intel, without: [.vmx, .avx])
        var table = try TestHosts.guest(on: host, topology: Topology()).table(ofVCPU: 0)
        table.update(1) { $0.ecx |= 1 << 5 | 1 << 28 }
        for generation in KVMGeneration.allCases {
            let vcpu = VCPU(table: table, host: host, kvm: KVMRules(generation, isSVM: false))
            #expect(!vcpu.has(.vmx), "governed in every generation")
            #expect(vcpu.has(.avx) == (generation < .linux6_14), "looked up in the table before")
        }
    }

    @Test func enclavesStayWithinTheGuestsXCR0UntilLinux6_4() throws {
        let host = TestHosts.generous(.intel)
        var table = try TestHosts.guest(on: host, topology: Topology()).table(ofVCPU: 0)
        #expect(table.value(0xD, 0, .eax) == 0x207)
        table.append(CPUIDEntry(0x12, .exact(1), eax: 0x36, ecx: 0xE4, edx: 1))
        for generation in KVMGeneration.allCases {
            let rules = RuntimeRules(host: host, kvm: KVMRules(generation, isSVM: false))
            let reset = PartialVCPUState(.reset)
            let stored = rules.predicted(setting: table, over: CPUIDTable(), state: reset).table
            let isHeld = generation < .linux6_4
            #expect(stored.value(0x12, 1, .ecx) == (isHeld ? 7 : 0xE4))
            #expect(stored.value(0x12, 1, .edx) == (isHeld ? 0 : 1))
            #expect(stored.value(0x12, 1, .eax) == 0x36)
        }
    }
}

struct VCPULimitsTests {
    private func limits(_ expression: String, without missing: FeatureSet = []) throws -> VCPULimits {
        let host = TestHosts.generous(.intel)
        let table = try TestHosts.guest(expression, on: host, topology: Topology()).table(ofVCPU: 0)
        return VCPU(table: table, host: TestHosts.generous(.intel, without: missing)).limits
    }

    @Test func xcr0IsWhatTableAndHostHave() throws {
        #expect(try limits("Small").xcr0 == 0x207)
        #expect(try limits("Small,-pku").xcr0 == 7)
        let limits = try limits("Small,-pku")
        #expect(limits.allows(xcr0: 7) && limits.allows(xcr0: 1))
        #expect(!limits.allows(xcr0: 0x207), "the guest has no PKRU")
        #expect(!limits.allows(xcr0: 5), "AVX without SSE")
        #expect(try self.limits("Small,-xsave").allows(xcr0: 1))
    }

    @Test func xssNeedsXSAVES() throws {
        #expect(try limits("Small").xss == 0)
        #expect(try limits("Small,+xsavec,+xsaves,+cet-ss").xss == 0x1800)
    }

    @Test func reservedBitsOfCR4FollowTheFeatures() throws {
        let with = try limits("Small").reservedCR4
        #expect(with & (1 << 12 | 1 << 18 | 1 << 22) == 0, "LA57, OSXSAVE and PKE")
        #expect(with & (1 << 13 | 1 << 20) == 1 << 13 | 1 << 20, "no VMX, no SMEP")
        #expect(try limits("Small,-la57").reservedCR4 & 1 << 12 != 0)
        #expect(try limits("Small", without: [.la57]).reservedCR4 & 1 << 12 != 0, "the host lacks it")
    }

    @Test func withoutALeafPhysicalAddressesHave36Bits() throws {
        #expect(try limits("Small").physicalAddressBits == 0x34)
        let host = TestHosts.generous(.intel)
        #expect(VCPU(table: CPUIDTable(), host: host).limits.physicalAddressBits == 36)
    }
}
