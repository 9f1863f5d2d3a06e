// SPDX-License-Identifier: Apache-2.0

import CKVM
import Glibc
import GuestCPU
import KVMTestSupport
import Testing
import X86CPU

/// What Linux's own kvm_amd and kvm_intel do and another vendor module need not: H39 to H41, H43.
@Suite(.enabled(if: TestHost.isMainline, TestHost.notMainline))
struct MainlineAssertions {
    /// The table with the fields at zero that KVM keeps up to date by itself.
    private func withoutRuntimeBits(_ table: KVMTable) -> [KVMEntry] {
        let base = table.entries.first { $0.leaf & 0xFFFF_00FF == 0x4000_0000 && $0.ebx == 0x4B4D_564B }?.leaf
        return table.entries.map { entry in
            var entry = entry
            switch (entry.leaf, entry.subleaf) {
            case (1, _):
                entry.ecx &= ~(1 << 27 | 1 << 3)
                entry.edx &= ~(1 << 9)
            case (7, 0): entry.ecx &= ~(1 << 4)
            case (0xD, 0): entry.ebx = 0
            case (0xD, 1) where entry.eax & 0b1010 != 0: entry.ebx = 0
            case (base.map { $0 + 1 }, _): entry.eax &= ~(1 << 7)
            default: break
            }
            return entry
        }
    }

    @Test("H39 KVM_GET_CPUID2 tells what was set, in every bit that KVM does not keep up to date") func h39() throws {
        let machine = try Machine()
        var table = try Machine.offer()
        let isAlwaysKept = try TestHost.rules().generation >= .linux6_14
        table[1].edx.set(9, false)
        table[1].ecx.set(27, true)
        if table.has(0xD) { table[0xD].ebx = 0xDEAD }
        var odd = KVMEntry(0x7777, 3, eax: .max, ebx: 1, ecx: 2, edx: 3)
        odd.flags |= 0x80
        odd.padding = 0x55
        table.entries += [odd, odd, KVMEntry(0x8FFF_FFFF, edx: .max), KVMEntry(1, eax: 1, ecx: .max, edx: .max)]
        let stored = try machine.given(table)
        #expect(withoutRuntimeBits(stored) == withoutRuntimeBits(table))
        // The last is a second leaf 1, which never answers.
        #expect(stored.entries.last == table.entries.last)
        #expect(stored[1].edx.bit(9))
        if try isAlwaysKept || TestHost.native(1, 0, .ecx).bit(26) { #expect(!stored[1].ecx.bit(27)) }
        if table.has(0xD) { #expect(stored[0xD].ebx == 0x240) }
    }

    @Test("H40 IA32_MISC_ENABLE[18] is told in 1.ECX[3] once its quirk is off, and then needs SSE3") func h40() throws {
        let quirk: UInt64 = 1 << 4  // KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT
        let (index, monitor): (UInt32, UInt64) = (0x1A0, 1 << 18)
        func toggle(_ machine: Machine, _ on: Bool) throws -> CInt {
            let value = try #require(machine.msr(index))
            return machine.set([(index, on ? value | monitor : value & ~monitor)])
        }
        let offer = try Machine.offer()
        let with = offer.with(1) { $0.ecx.set(0, true) }
        let without = offer.with(1) { $0.ecx.set(0, false) }

        let quirky = try Machine()
        let before = try quirky.given(without)
        for on in [true, false] {
            #expect(try toggle(quirky, on) == 1)
            #expect(try quirky.table() == before)
        }
        #expect(try quirky.given(without.with(1) { $0.ecx.set(3, true) })[1].ecx.bit(3), "as it was set")

        let machine = try Machine { #expect($0.enable(KVM_CAP_DISABLE_QUIRKS2, quirk) == 0) }
        try machine.given(with)
        for on in [true, false, true] {
            #expect(try toggle(machine, on) == 1)
            #expect(try machine.table()[1].ecx.bit(3) == on)
        }
        let stored = try machine.given(without)
        #expect(stored[1].ecx.bit(3), "of the MSR, and not of the table")
        #expect(try toggle(machine, false) == 0)
        #expect(try machine.table() == stored)
    }

    /// Bits of CR4 that a guest may not set without a feature, with where the table tells of it.
    enum GuardedBit: String, CaseIterable {
        case smep, la57, pke, osxsave

        var cr4: Int {
            switch self {
            case .smep: 20
            case .la57: 12
            case .pke: 22
            case .osxsave: 18
            }
        }

        var feature: (leaf: UInt32, register: WritableKeyPath<KVMEntry, UInt32>, bit: Int) {
            switch self {
            case .smep: (7, \.ebx, 7)
            case .la57: (7, \.ecx, 16)
            case .pke: (7, \.ecx, 3)
            case .osxsave: (1, \.ecx, 26)
            }
        }
    }

    @Test(
        "H41 KVM_SET_SREGS refuses a bit of CR4 whose feature the table does not have", arguments: GuardedBit.allCases)
    func h41(_ bit: GuardedBit) throws {
        let (leaf, register, number) = bit.feature
        let offer = try Machine.offer()
        let machine = try Machine()
        try machine.given(offer.with(leaf) { $0[keyPath: register].set(number, false) })
        let before = try machine.registers().cr4
        #expect(try machine.setCR4(bit.cr4, true) == -EINVAL)
        #expect(try machine.registers().cr4 == before)
        guard offer[leaf][keyPath: register].bit(number) else { return }
        try machine.given(offer)
        #expect(try machine.setCR4(bit.cr4, true) == 0)
        #expect(try machine.registers().cr4 == before | 1 << bit.cr4)
    }

    /// The module is loaded both ways in the emulated hosts.
    @Test(
        "H43 with nested=0 there is no SVM and no VMX, leaf 8000000A is zero, and no MSR tells of VMX; with 1 there is")
    func h43() throws {
        let module = try TestHost.module()
        let parameter = try #require(TestHost.parameter("nested", of: module))
        let isNested = ["1", "Y"].contains(parameter)
        let offer = try Machine.offer()
        #expect(offer[0x8000_0001].ecx.bit(2) == (isNested && module == "kvm_amd"))
        #expect(offer[1].ecx.bit(5) == (isNested && module == "kvm_intel"))
        #expect((offer[0x8000_000A].registers != [0, 0, 0, 0]) == (isNested && module == "kvm_amd"))
        let vmx = try TestHost.cpu().featureMSRs.keys.filter { (0x480...0x491).contains($0) }
        #expect(vmx.isEmpty == !(isNested && module == "kvm_intel"))
    }
}
