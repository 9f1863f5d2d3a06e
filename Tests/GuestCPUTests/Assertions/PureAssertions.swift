// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import X86CPU

@testable import GuestCPU

/// What holds of tables and capabilities by computation alone: P01 to P15 of the numbered list of KVM's CPUID semantics.
@Suite struct PureAssertions {
    private func table(_ expression: String = "Small", _ vendor: CPUVendor = .intel, _ topology: Topology) throws
        -> CPUIDTable
    { try TestHosts.guest(expression, on: TestHosts.generous(vendor), topology: topology).table(ofVCPU: 0) }

    private static func bounded(_ vendor: CPUVendor, highest: UInt32, _ more: [CPUIDEntry]) -> CPUIDTable {
        CPUIDTable([CPUIDEntry(0, eax: highest, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx)] + more)
    }

    @Test("P01 two cores: leaf 1 counts two, HTT is set, 0xB.1 counts two") func p01() throws {
        let table = try table("Small", .intel, Topology(cores: 2))
        #expect(table.value(1, 0, .ebx) >> 16 & 0xFF == 2)
        #expect(table.value(1, 0, .edx) >> 28 & 1 == 1)
        #expect(table.value(0xB, 1, .ebx) == 2)
    }

    @Test("P02 six cores of two threads: shifts 1 and 4, 12 CPUs, 16 ids") func p02() throws {
        let table = try table("Small", .intel, Topology(cores: 6, threads: 2))
        #expect(table.value(0xB, 0, .eax) == 1)
        #expect(table.value(0xB, 1, .eax) == 4)
        #expect(table.value(0xB, 1, .ebx) == 12)
        #expect(table.value(1, 0, .ebx) >> 16 & 0xFF == 16)
    }

    /// A model like the host describes the host's caches: leaf 4 is read, and written again.
    @Test("P03 leaf 4 decodes to 48 KiB, 2 MiB and 480 MiB") func p03() throws {
        let leaves = [
            CPUIDEntry(4, .exact(0), eax: 0x0400_0121, ebx: 0x02C0_003F, ecx: 0x3F),
            CPUIDEntry(4, .exact(1), eax: 0x0400_0143, ebx: 0x03C0_003F, ecx: 0x7FF),
            CPUIDEntry(4, .exact(2), eax: 0x0400_4163, ebx: 0x03C0_003F, ecx: 0x77FFF),
        ]
        let generous = TestHosts.generous(.intel)
        var supported = generous.supported.removing { $0.leaf == 4 }
        supported.append(contentsOf: leaves)
        let host = HostCPU(
            identity: generous.identity, supported: supported, featureMSRs: generous.featureMSRs)
        let caches = host.caches
        #expect(caches.map(\.size) == [48 << 10, 2 << 20, 480 << 20])
        #expect(caches.map(\.level) == [1, 2, 3])
        #expect(caches.map(\.kind) == [.data, .unified, .unified])
    }

    @Test(
        "P04 the XSAVE area has its size by XCR0",
        arguments: [(UInt64(7), 0x340, 0x340), (0xE7, 0xA80, 0x980), (0x602E7, 0x2B00, 0x2A00), (3, 0x240, 0x240)])
    func p04(_ components: UInt64, _ standard: UInt32, _ compacted: UInt32) {
        let size = XSAVESize(table: CPUIDTable(TestHosts.xsave))
        #expect(size.standard(components) == standard)
        #expect(size.compacted(components) == compacted)
    }

    @Test("P05 components of XCR0 that belong together come together") func p05() {
        for value in [5, 0x21, 0xA7, 0x20007, 0, 2] as [UInt64] {
            #expect(!VCPULimits.isConsistent(xcr0: value), "0x\(String(value, radix: 16))")
        }
        for value in [1, 3, 7, 0xE7, 0x602E7] as [UInt64] {
            #expect(VCPULimits.isConsistent(xcr0: value), "0x\(String(value, radix: 16))")
        }
    }

    @Test("P06 what needs XSAVE goes with it") func p06() throws {
        let registry = FeatureRegistry.shared
        var all = FeatureSet()
        for info in registry.all { all.insert(info.feature) }
        #expect(registry.dependencies.closing(all).kept.contains(.amxTile))
        all.remove(.xsave)
        let kept = registry.dependencies.closing(all).kept
        let names = registry.all.filter { kept.contains($0.feature) }.map(\.name)
        #expect(
            names.filter { $0 == "avx" || $0 == "avx2" || $0.hasPrefix("avx512") || $0.hasPrefix("amx-") } == [])
        for gone in [Feature.pku, .xsaves, .cetSs] { #expect(!kept.contains(gone), "\(gone)") }
        #expect(kept.contains(.pcid))
    }

    @Test("P07 linear addresses have 57 bits with LA57 only") func p07() throws {
        #expect(try table("Small", .intel, Topology()).value(0x8000_0008, 0, .eax) >> 8 & 0xFF == 57)
        #expect(try table("Small,-la57", .intel, Topology()).value(0x8000_0008, 0, .eax) >> 8 & 0xFF == 48)
    }

    @Test("P08 out of range an Intel guest reads the highest basic leaf, an AMD guest zeros") func p08() {
        let more = [
            CPUIDEntry(0x16, eax: 0xAA, ebx: 0xBB, ecx: 0xCC, edx: 0xDD), CPUIDEntry(0x8000_0000, eax: 0x8000_0008),
        ]
        let intel = Self.bounded(.intel, highest: 0x16, more)
        let amd = Self.bounded(.amd, highest: 0x16, more)
        for leaf in [0x17, 0x2000_0000, 0x4000_0100, 0x8000_0009, 0xC000_0000] as [UInt32] {
            let answer = intel.guestView(leaf)
            #expect([answer.eax, answer.ebx, answer.ecx, answer.edx] == [0xAA, 0xBB, 0xCC, 0xDD])
            #expect(amd.guestView(leaf).isZero)
        }
        #expect(intel.guestView(5).isZero)
    }

    @Test("P09 redirected to leaf 0xB, a missing subleaf tells its number and the x2APIC id") func p09() {
        let table = Self.bounded(
            .intel, highest: 0xB,
            [
                CPUIDEntry(0xB, .exact(0), eax: 1, ebx: 2, ecx: 0x100, edx: 6),
                CPUIDEntry(0xB, .exact(1), eax: 4, ebx: 4, ecx: 0x201, edx: 6),
            ])
        let answer = table.guestView(0x16, 7)
        #expect([answer.eax, answer.ebx, answer.ecx, answer.edx] == [0, 0, 7, 6])
    }

    @Test("P10 of a missing subleaf of 0xB the low byte is told") func p10() {
        let table = Self.bounded(.intel, highest: 0xB, [CPUIDEntry(0xB, .exact(1), edx: 6)])
        #expect(table.guestView(0xB, 0x123).ecx == 0x23)
    }

    @Test("P11 the first of equal entries answers, and an exact one only its subleaf") func p11() {
        let table = CPUIDTable([
            CPUIDEntry(4, .exact(3), eax: 9), CPUIDEntry(7, .exact(0), eax: 1), CPUIDEntry(7, .exact(0), eax: 2),
        ])
        #expect(table.value(7, 0, .eax) == 1)
        #expect(table[4, 0] == nil)
    }

    @Test("P12 capabilities are those of the host within the table, but for GBPAGES and AMD's XSAVES") func p12() throws
    {
        let table = try table("Small,-xsaves", .amd, Topology())
        for generation in KVMGeneration.allCases {
            for hasThem in [true, false] {
                let host = TestHosts.generous(.amd, without: hasThem ? [] : [.pdpe1gb, .xsaves])
                let vcpu = VCPU(table: table, host: host, kvm: KVMRules(generation, isSVM: true))
                #expect(!FeatureSet(table: table).contains(.xsaves))
                #expect(vcpu.has(.pdpe1gb) == hasThem)
                #expect(vcpu.has(.xsaves) == hasThem)
            }
        }
        let intel = try self.table("Small,-xsaves", .intel, Topology())
        #expect(!VCPU(table: intel, host: TestHosts.generous(.intel)).has(.xsaves))
    }

    @Test("P13 a bit that the host lacks stays in the table and is no capability") func p13() throws {
        let table = try table("Small", .intel, Topology())
        let host = TestHosts.generous(.intel, without: [.avx])
        let vcpu = VCPU(table: table, host: host, kvm: KVMRules(.linux6_14, isSVM: false))
        #expect(FeatureSet(table: vcpu.table).contains(.avx))
        #expect(!vcpu.has(.avx))
        // Until then KVM looked the bit up in the table.
        #expect(VCPU(table: table, host: host, kvm: KVMRules(.linux6_6, isSVM: false)).has(.avx))
    }

    @Test("P14 restrict gives nothing, set and clear touch one bit, change to false clears") func p14() throws {
        let vcpu = VCPU(
            table: try table("Small", .intel, Topology()),
            host: TestHosts.generous(.intel, without: [StaticFeature.umip.feature]))
        let before = vcpu.snapshot.features
        vcpu.restrict(.umip)
        vcpu.restrict(.pcid)
        #expect(vcpu.snapshot.features == before)
        vcpu.set(.pcid)
        #expect(vcpu.snapshot.features == before.union([.pcid]))
        vcpu.restrict(.pcid)
        #expect(vcpu.has(.pcid), "the host has it")
        vcpu.clear(.pcid)
        #expect(vcpu.snapshot.features == before.subtracting([.pcid]))
        vcpu.set(.umip)
        vcpu.change(.umip, to: false)
        #expect(vcpu.snapshot.features == before.subtracting([.pcid]))
    }

    @Test("P15 stored runtime bits become those of the reset state") func p15() throws {
        for generation in KVMGeneration.allCases {
            for size in [0, 0x340, UInt32.max] {
                var table = try table("Small,+xsavec", .intel, Topology())
                let clean = table
                table.update(1) { $0.ecx |= 1 << 27 }
                table.update(7) { $0.ecx |= 1 << 4 }
                table.update(0xD) { $0.ebx = size }
                let rules = RuntimeRules(host: TestHosts.generous(.intel), kvm: KVMRules(generation, isSVM: false))
                let stored = rules.predicted(
                    setting: table, over: CPUIDTable(), state: PartialVCPUState(.reset)
                ).table
                #expect(stored == clean)
                #expect(stored.value(1, 0, .ecx) >> 27 & 1 == 0)
                #expect(stored.value(7, 0, .ecx) >> 4 & 1 == 0)
                #expect(stored.value(0xD, 0, .ebx) == 0x240)
            }
        }
    }
}
