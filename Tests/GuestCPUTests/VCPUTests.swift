// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct VCPUTests {
    private struct Refused: Error {}

    private func vcpu(
        _ vendor: CPUVendor, host missing: FeatureSet = [], expression: String = "Small", state: VCPUState = .reset
    ) throws -> VCPU {
        let table = try TestHosts.guest(expression, on: TestHosts.generous(vendor), topology: Topology()).table(
            ofVCPU: 0)
        return VCPU(table: table, host: TestHosts.generous(vendor, without: missing), state: state)
    }

    @Test func capsAreTheTableWithinTheHost() throws {
        let vcpu = try vcpu(.intel, host: [.avx])
        #expect(!vcpu.has(.avx))
        #expect(FeatureSet(table: vcpu.table).contains(.avx))
        #expect(vcpu.has(.xsave))
    }

    @Test func mwaitIsHonouredThoughNeverAdvertised() throws {
        let vcpu = try vcpu(.intel, host: [.monitor], expression: "Small")
        #expect(!vcpu.has(.monitor))
        var table = vcpu.table
        table.update(1) { $0.ecx |= 1 << 3 }
        vcpu.apply(table)
        #expect(vcpu.has(.monitor))
    }

    @Test func gigabytePagesAreTheHosts() throws {
        #expect(try vcpu(.intel).has(.pdpe1gb))
        #expect(try !vcpu(.intel, host: [.pdpe1gb]).has(.pdpe1gb))
        let table = try vcpu(.intel).table
        let shadow = KVMRules(.linux6_14, isSVM: false, usesTDP: false)
        #expect(!VCPU(table: table, host: TestHosts.generous(.intel), kvm: shadow).has(.pdpe1gb))
    }

    @Test func xsavesFollowsTheVendor() throws {
        // SVM cannot hide XSAVES from a guest with XSAVE; VMX can.
        #expect(try vcpu(.amd).has(.xsaves))
        #expect(try !vcpu(.intel).has(.xsaves))
        #expect(try !vcpu(.amd, expression: "Small,-xsave").has(.xsaves))
        #expect(try !vcpu(.amd, host: [.xsaves]).has(.xsaves))
    }

    @Test func setClearChangeRestrict() throws {
        let vcpu = try vcpu(.intel, host: [.pcid])
        let before = vcpu.snapshot
        vcpu.set(.pcid)
        #expect(vcpu.has(.pcid))
        vcpu.restrict(.pcid)
        #expect(!vcpu.has(.pcid))
        #expect(vcpu.snapshot == before)
        vcpu.clear(.avx)
        vcpu.restrict(.avx)
        #expect(!vcpu.has(.avx), "restrict never gives a feature")
        vcpu.change(.avx, to: true)
        #expect(vcpu.snapshot == before)
        vcpu.change(.avx, to: false)
        #expect(vcpu.snapshot.features == before.features.subtracting([.avx]))
    }

    @Test func runtimeFeaturesNeedAState() throws {
        #expect(StaticFeature(.osxsave) == nil)
        #expect(StaticFeature(.ospke) == nil)
        #expect(StaticFeature(.apic) == nil)
        #expect(StaticFeature(.avx) != nil)
        let vcpu = try vcpu(.intel)
        let running = VCPUState(cr4: 1 << 18 | 1 << 22, apicBase: 0, xcr0: 7)
        #expect(vcpu.has(.osxsave, in: running))
        #expect(!vcpu.has(.osxsave, in: .reset))
        #expect(!vcpu.has(.apic, in: running))
        vcpu.update(to: running)
        #expect(vcpu.table.value(1, 0, .ecx) & 1 << 27 != 0)
        #expect(vcpu.table.value(7, 0, .ecx) & 1 << 4 != 0)
        #expect(vcpu.table.value(1, 0, .edx) & 1 << 9 == 0)
        #expect(vcpu.table.value(0xD, 0, .ebx) == 0x340)
        #expect(vcpu.features(in: running).contains(.osxsave))
        vcpu.update(to: .reset)
        #expect(!vcpu.features(in: .reset).contains(.osxsave))
    }

    @Test func aRejectedTableLeavesNothingBehind() throws {
        let vcpu = try vcpu(.intel)
        let (table, caps) = (vcpu.table, vcpu.snapshot)
        #expect(throws: Refused.self) {
            try vcpu.apply(CPUIDTable()) { vcpu in
                #expect(!vcpu.has(.avx))
                throw Refused()
            }
        }
        #expect(vcpu.table == table)
        #expect(vcpu.snapshot == caps)
    }

    @Test func anotherVCPUIsNotTouched() throws {
        let host = TestHosts.generous(.intel)
        let table = try TestHosts.guest(on: host, topology: Topology()).table(ofVCPU: 0)
        let (first, second) = (VCPU(table: table, host: host), VCPU(table: table, host: host))
        first.clear(.avx)
        #expect(second.has(.avx))
        #expect(first.host == second.host)
    }
}
