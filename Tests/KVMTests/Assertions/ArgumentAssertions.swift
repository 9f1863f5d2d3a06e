// SPDX-License-Identifier: Apache-2.0

import Glibc
import KVMTestSupport
import Testing

/// What KVM's ioctls about CPUID and MSRs say to odd arguments: K16 to K21, K35.
@Suite(.enabled(if: TestHost.isUsable, TestHost.unusable))
struct ArgumentAssertions {
    private static let zeros = KVMTable([KVMEntry](repeating: KVMEntry(0), count: 256))

    @Test("K16 KVM_SET_CPUID2 takes no entry and 256 entries, and of 257 it says E2BIG") func k16() throws {
        let machine = try Machine()
        #expect(machine.set(KVMTable(Self.zeros.entries + [KVMEntry(0)])) == -E2BIG)
        #expect(machine.count() == 0)
        #expect(machine.set(Self.zeros) == 0)
        if TestHost.isMainline { #expect(machine.count() == 256) }
        #expect(machine.set(KVMTable([])) == 0)
        if TestHost.isMainline { #expect(machine.count() == 0) }
    }

    @Test("K17 linear addresses have 0, 48 or 57 bits; else EINVAL, and the table stays") func k17() throws {
        let machine = try Machine()
        let offer = try Machine.offer()
        func table(_ bits: UInt32) -> KVMTable {
            offer.with(0x8000_0008) { $0.eax = $0.eax & ~0xFF00 | bits << 8 }
        }
        let before = try machine.given(table(48))
        for bits in [32, 47, 49, 64] as [UInt32] {
            #expect(machine.set(table(bits)) == -EINVAL, "\(bits) bits")
            #expect(try machine.table() == before)
        }
        for bits in [0, 48, 57] as [UInt32] {
            #expect(machine.set(table(bits)) == 0, "\(bits) bits")
            if TestHost.isMainline { #expect(try machine.table()[0x8000_0008].eax >> 8 & 0xFF == bits) }
        }
    }

    @Test("K18 KVM_GET_CPUID2 with too little room says E2BIG and not how much; a new vCPU has no entry") func k18()
        throws
    {
        let machine = try Machine()
        #expect(machine.get(room: 0).result == 0)
        #expect(machine.count() == 0)
        let count = try machine.given().entries.count
        #expect(count > 1)
        for room in [0, 1, count - 1] {
            #expect(machine.get(room: room) == (-E2BIG, room))
        }
        #expect(machine.get(room: count) == (0, count))
    }

    @Test("K19 KVM_GET_SUPPORTED_CPUID: E2BIG with room for 0 or 1, and any room over 256 will do") func k19() throws {
        let machine = try Machine()
        func ask(_ room: Int) -> (CInt, UInt32) {
            var words = KVMTable.words(room: room)
            let result = machine.call(machine.kvm, KVMTEST_GET_SUPPORTED_CPUID, &words)
            return (result, words[0])
        }
        #expect(ask(0) == (-E2BIG, 0))
        #expect(ask(1) == (-E2BIG, 1))
        let enough = ask(256)
        #expect(enough.0 == 0 && enough.1 > 10 && enough.1 <= 256)
        #expect(ask(100_000) == enough)
    }

    @Test("K20 KVM_GET_EMULATED_CPUID has three entries, wants room for a fourth, and no padding") func k20() throws {
        let machine = try Machine()
        func ask(_ room: Int, padding: UInt32 = 0) -> (CInt, [KVMEntry]) {
            var words = KVMTable.words(room: room)
            words[2 + 7] = padding
            let result = machine.call(machine.kvm, KVMTEST_GET_EMULATED_CPUID, &words)
            return (result, result == 0 ? KVMTable(words: words, count: Int(words[0])).entries : [])
        }
        #expect(ask(3) == (-E2BIG, []))
        let (result, entries) = ask(4)
        #expect(result == 0)
        #expect(entries.map(\.leaf) == [0, 1, 7])
        #expect(entries.first?.eax == 7)
        #expect(ask(4, padding: 1) == (-EINVAL, []))
    }

    private static let cpus: [CInt] = {
        var cpus = [CInt](repeating: 0, count: 64)
        let count = unsafe kvmtest_cpus(&cpus, CInt(cpus.count))
        return Array(cpus.prefix(max(0, Int(count))))
    }()

    @Test(
        "K21 what KVM supports differs between CPUs in APIC ids only, and those are of the CPU that was asked on",
        .enabled(if: cpus.count > 1, "there is one CPU"))
    func k21() throws {
        let machine = try Machine()
        func ask(on cpu: CInt) throws -> (table: KVMTable, apicID: UInt32) {
            var words = KVMTable.words(room: 256)
            var apicID: UInt32 = 0
            let result = unsafe words.withUnsafeMutableBytes {
                unsafe kvmtest_supported_cpuid_on(cpu, machine.kvm, $0.baseAddress, &apicID)
            }
            try #require(result == 0)
            return (KVMTable(words: words, count: Int(words[0])), apicID)
        }
        func withoutIDs(_ table: KVMTable) -> [KVMEntry] {
            table.entries.map { entry in
                var entry = entry
                if entry.leaf == 1 { entry.ebx &= 0x00FF_FFFF }
                if [0xB, 0x1F].contains(entry.leaf) { entry.edx = 0 }
                return entry
            }
        }
        let first = try ask(on: Self.cpus[0])
        for cpu in Self.cpus.dropFirst() {
            let other = try ask(on: cpu)
            #expect(withoutIDs(other.table) == withoutIDs(first.table))
            #expect(other.table[1].ebx >> 24 == other.apicID)
            #expect(other.apicID != first.apicID)
        }
    }

    @Test(
        "K35 KVM_SET_MSRS stops at the first that it does not take; KVM_GET_MSRS of 256 says E2BIG",
        .enabled(if: TestHost.parameter("ignore_msrs", of: "kvm") != "Y", "kvm.ignore_msrs is on"))
    func k35() throws {
        let machine = try Machine()
        let (microcode, unknown): (UInt32, UInt32) = (0x8B, 0x7F)
        #expect(machine.set([(microcode, 1 << 32), (unknown, 2), (microcode, 3 << 32)]) == 1)
        #expect(machine.msr(microcode) == 1 << 32)

        func ask(_ count: Int) -> CInt {
            var words = [UInt32(count), 0] + [UInt32](repeating: 0, count: 4 * count)
            for entry in 0..<count { words[2 + 4 * entry] = microcode }
            return machine.call(machine.vcpu, KVMTEST_GET_MSRS, &words)
        }
        #expect(ask(256) == -E2BIG)
        #expect(ask(255) == 255)
    }
}
