// SPDX-License-Identifier: Apache-2.0

import CKVM
import Glibc
import GuestCPU
import Testing
import X86CPU

/// The bits that KVM keeps up to date in the table: K22 to K24, K28.
@Suite(.enabled(if: TestHost.isUsable, TestHost.unusable))
struct RuntimeAssertions {
    /// Sets and clears a bit of CR4 that the table tells, where the table has the feature behind it, and tries where not.
    private func expect(
        cr4 bit: Int, isTold told: (KVMTable) -> Bool, needs feature: (KVMTable) -> Bool, in machine: Machine
    ) throws {
        let before = try machine.table()
        #expect(!told(before))
        let result = try machine.setCR4(bit, true)
        if feature(before) {
            #expect(result == 0)
            #expect(told(try machine.table()))
        } else if TestHost.isMainline {
            #expect(result == -EINVAL)
            #expect(try machine.table() == before)
        }
        // A KVM that does not hold CR4 against the table still tells of CR4 what it is.
        #expect(try machine.registers().cr4 >> bit & 1 == (told(try machine.table()) ? 1 : 0))
        #expect(try machine.setCR4(bit, false) == 0)
        #expect(try machine.table() == before)
    }

    @Test("K22 CR4.OSXSAVE is told in 1.ECX[27]") func k22() throws {
        let machine = try Machine()
        try machine.given()
        try expect(cr4: 18, isTold: { $0[1].ecx.bit(27) }, needs: { $0[1].ecx.bit(26) }, in: machine)
    }

    @Test("K23 CR4.PKE is told in 7.0.ECX[4]; the APIC's enable bit in 1.EDX[9], and not in 80000001.EDX[9]")
    func k23() throws {
        let machine = try Machine()
        try machine.given(try Machine.offer().with(0x8000_0001) { $0.edx.set(9, true) })
        try expect(cr4: 22, isTold: { $0[7].ecx.bit(4) }, needs: { $0[7].ecx.bit(3) }, in: machine)

        let before = try machine.table()
        #expect(before[1].edx.bit(9))
        #expect(try machine.change { $0.apic_base &= ~(1 << 11) } == 0)
        #expect(try machine.table() == before.with(1) { $0.edx.set(9, false) })
        if TestHost.isMainline { #expect(before[0x8000_0001].edx.bit(9)) }
        #expect(try machine.change { $0.apic_base |= 1 << 11 } == 0)
        #expect(try machine.table() == before)
    }

    @Test("K24 XCR0 is held against the table, and tells in D.0.EBX how large the XSAVE area is") func k24() throws {
        let machine = try Machine()
        let hasXSAVE = try TestHost.native(1, 0, .ecx).bit(26)
        #expect(machine.setXCR0(7) == -EINVAL)
        #expect(machine.setXCR0(1) == (hasXSAVE ? 0 : -EINVAL))
        let before = try machine.given()
        #expect(machine.setXCR0(5) == -EINVAL)
        #expect(try machine.table() == before)
        guard before[0xD].eax.bit(2) else {
            #expect(machine.setXCR0(7) == -EINVAL)
            #expect(try machine.table() == before)
            return
        }
        #expect(before[0xD].ebx == 0x240)
        #expect(machine.setXCR0(7) == 0)
        let after = try machine.table()
        #expect(after[0xD].ebx == 0x340)
        #expect(after.with(0xD) { $0.ebx = 0x240 }.with(0xD, 1) { $0.ebx = before[0xD, 1].ebx } == before)
        #expect(machine.setXCR0(3) == 0)
        #expect(try machine.table() == before)
    }

    /// PV_UNHALT needs HLT to exit to KVM, which then lets other vCPUs run.
    @Test("K28 with HLT exits disabled PV_UNHALT goes, wherever KVM's leaves are; once there is a vCPU it is too late")
    func k28() throws {
        let disabled: UInt64 = 1 << 1  // KVM_X86_DISABLE_EXITS_HLT
        let cap = KVM_CAP_X86_DISABLE_EXITS
        func table(_ base: UInt32, ecx: UInt32 = 0x564B_4D56) throws -> KVMTable {
            let others = try Machine.offer().entries.filter { $0.leaf >> 16 != 0x4000 }
            return KVMTable(
                others + [
                    KVMEntry(base, eax: base + 1, ebx: 0x4B4D_564B, ecx: ecx, edx: 0x4D),
                    KVMEntry(base + 1, eax: 1 << 7),
                ])
        }
        func disabling() throws -> Machine { try Machine { #expect($0.enable(cap, disabled) == 0) } }
        /// PV_UNHALT as it is predicted for a kernel that is what its version says.
        func predicted(_ table: KVMTable, over before: KVMTable = KVMTable([])) throws -> Bool {
            let found = try TestHost.rules()
            let rules = RuntimeRules(
                host: try TestHost.cpu(),
                kvm: KVMRules(found.generation, isSVM: found.isSVM, isPVM: found.isPVM, evidence: .tells))
            let state = PartialVCPUState(VCPUState(haltExits: false))
            let set = rules.predicted(setting: table.entriesAsCPUID, over: before.entriesAsCPUID, state: state)
            let leaf = try #require(table.entries.last).leaf
            return set.table.value(leaf, 0, .eax).bit(7)
        }
        for base in [0x4000_0000, 0x4000_0100] as [UInt32] {
            let machine = try disabling()
            let (signed, unsigned) = (try table(base), try table(base, ecx: 0))
            // Before 6.9 KVM looked for its leaves where the table before had them.
            let first = try machine.given(signed)[base + 1].eax.bit(7)
            #expect(try first == predicted(signed))
            if try TestHost.isLinux(6, 9) { #expect(!first) }
            #expect(!(try machine.given(signed)[base + 1].eax.bit(7)), "KVM's leaves at \(base)")
            #expect(try !predicted(signed, over: signed))
            let last = try machine.given(unsigned)[base + 1].eax.bit(7)
            #expect(try last == predicted(unsigned, over: signed), "no leaves of KVM's over some of its")

            let other = try disabling()
            for _ in 1...2 {
                #expect(try other.given(unsigned)[base + 1].eax.bit(7), "no leaves of KVM's")
            }
            #expect(try Machine().given(table(base))[base + 1].eax.bit(7), "HLT exits as they are")
        }
        let machine = try Machine()
        let isTooLate = try TestHost.rules().generation >= .linux6_14
        #expect(machine.enable(cap, disabled) == (isTooLate ? -EINVAL : 0))
    }
}

extension KVMTable {
    fileprivate var entriesAsCPUID: CPUIDTable {
        CPUIDTable(
            entries.map {
                let isExact = $0.flags & KVMEntry.significantIndex != 0
                return CPUIDEntry(
                    $0.leaf, isExact ? .exact($0.subleaf) : .any, eax: $0.eax, ebx: $0.ebx, ecx: $0.ecx, edx: $0.edx)
            })
    }
}
