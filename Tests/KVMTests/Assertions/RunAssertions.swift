// SPDX-License-Identifier: Apache-2.0

import CKVM
import Glibc
import GuestCPU
import KVMTestSupport
import Testing
import X86CPU

/// What running does to the table: K25 to K27, and to feature MSRs: K34.
@Suite(.enabled(if: TestHost.isUsable, TestHost.unusable))
struct RunAssertions {
    /// Another stepping.
    private func otherwise(_ table: KVMTable) -> KVMTable { table.with(1) { $0.eax ^= 1 } }

    @Test("K25 a KVM_RUN with immediate_exit is EINTR and no run: the table may still be another") func k25() throws {
        let machine = try Machine()
        let before = try machine.given()
        try machine.setImmediateExit(true)
        #expect(kvmtest_ioctl_number(machine.vcpu, KVMTEST_RUN, 0) == -EINTR)
        try machine.setImmediateExit(false)
        #expect(machine.set(otherwise(before)) == 0)
        #expect(try machine.table()[1].eax == before[1].eax ^ 1)
        try machine.run()
        #expect(machine.set(before) == -EINVAL, "this was a run")
    }

    @Test("K26 after a run the table as read is taken, also with other runtime bits; nothing else is") func k26() throws
    {
        let machine = try Machine()
        try machine.given()
        try machine.run()
        let stored = try machine.table()
        func expect(_ result: CInt, _ what: Comment, _ change: (inout KVMTable) -> Void) throws {
            var table = stored
            change(&table)
            #expect(machine.set(table) == result, what)
            #expect(try machine.table().entries.map(\.registers) == stored.entries.map(\.registers), what)
        }
        try expect(0, "as it was read") { _ in }
        try expect(0, "APIC") { $0[1].edx ^= 1 << 9 }
        try expect(0, "padding") { $0.entries[0].padding = 1 }
        // Before 6.14 the bit of a feature that the host lacks was not KVM's to keep.
        let isAlwaysKept = try TestHost.rules().generation >= .linux6_14
        let keepsOSXSAVE = try isAlwaysKept || TestHost.native(1, 0, .ecx).bit(26)
        try expect(keepsOSXSAVE ? 0 : -EINVAL, "OSXSAVE") { $0[1].ecx ^= 1 << 27 }
        if stored.has(7) {
            let keepsOSPKE = try isAlwaysKept || TestHost.native(7, 0, .ecx).bit(3)
            try expect(keepsOSPKE ? 0 : -EINVAL, "OSPKE") { $0[7].ecx ^= 1 << 4 }
        }
        if stored.has(0xD) { try expect(0, "size of the XSAVE area") { $0[0xD].ebx ^= 0x100 } }

        try expect(-EINVAL, "MWAIT, which is not kept while its quirk is on") { $0[1].ecx ^= 1 << 3 }
        try expect(-EINVAL, "flags") { $0.entries[0].flags ^= 1 << 1 }
        try expect(-EINVAL, "order") { $0.entries.swapAt(0, 1) }
        try expect(-EINVAL, "an entry fewer") { $0.entries.removeLast() }
        try expect(-EINVAL, "an entry more") { $0.entries.append(KVMEntry(0x2_0000)) }
        try expect(-EINVAL, "family") { $0[1].eax ^= 1 << 20 }
    }

    /// From 6.15 to 6.18 KVM compared with a table whose update was still to come, unless the fix was taken in.
    @Test("K27 after a run and a change of CR4 the table as read before is taken") func k27() throws {
        let machine = try Machine()
        let hasXSAVE = try machine.given()[1].ecx.bit(26)
        try machine.run()
        let before = try machine.table()
        func change(_ on: Bool) throws -> CInt {
            // Without XSAVE there is still the APIC's bit.
            if hasXSAVE { return try machine.setCR4(18, on) }
            return try machine.change { $0.apic_base = $0.apic_base & ~(1 << 11) | (on ? 0 : 1 << 11) }
        }
        #expect(try change(true) == 0)
        let result = machine.set(before)
        if try TestHost.rules().generation >= .linux6_15 && !TestHost.isLinux(6, 19) {
            #expect([0, -EINVAL].contains(result))
        } else {
            #expect(result == 0)
        }
        // Reading brings it up to date on every kernel.
        let now = try machine.table()
        #expect(now != before, "the bit is told")
        #expect(machine.set(before) == 0)
        #expect(try machine.table() == now, "and stays told")
        #expect(try change(false) == 0)
        #expect(try machine.table() == before)
    }

    @Test(
        "K34 IA32_ARCH_CAPABILITIES goes by the table, takes any value, and stays after a run; the microcode does not")
    func k34() throws {
        let (capabilities, microcode): (UInt32, UInt32) = (0x10A, 0x8B)
        let offer = try Machine.offer()

        let without = try Machine()
        let table = try without.given(offer.with(7) { $0.edx.set(29, false) })
        let isTaken = try table[7].edx.bit(29) || !TestHost.looksUpFeatureMSRs()
        #expect(without.set([(capabilities, 1)]) == (isTaken ? 1 : 0))
        #expect(without.set([(capabilities, 0)]) == 1)
        #expect(without.msr(capabilities) == 0)

        let machine = try Machine()
        let has = try machine.given(offer.with(7) { $0.edx.set(29, true) })[7].edx.bit(29)
        if TestHost.isMainline { #expect(has) }
        let all: UInt64 = has ? .max : 0
        #expect(machine.set([(capabilities, all)]) == 1)
        #expect(machine.msr(capabilities) == all)
        #expect(machine.set([(microcode, 1 << 32)]) == 1)
        try machine.run()
        let isFrozen = try TestHost.rules().generation >= .linux6_4
        #expect(machine.set([(capabilities, 1)]) == (isFrozen || !has ? 0 : 1))
        #expect(machine.set([(capabilities, all)]) == 1)
        #expect(machine.set([(microcode, 2 << 32)]) == 1)
        #expect(machine.msr(microcode) == 2 << 32)
    }
}
