// SPDX-License-Identifier: Apache-2.0

import Glibc
import KVMTestSupport
import Testing
import X86CPU

/// What a guest sees that executes CPUID: K38, H42.
@Suite(.enabled(if: TestHost.isUsable, TestHost.unusable))
struct GuestAssertions {
    /// What KVM offers with an end of the basic leaves that can be told, a hole, and topology without its last subleaf.
    private func table(_ vendor: CPUVendor) throws -> KVMTable {
        var table = try Machine.offer()
        table.entries.removeAll { [5, 0xB].contains($0.leaf) || $0.leaf >> 16 == 0x4000 }
        table[0] = KVMEntry(0, eax: 0x30, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx)
        table.entries += [
            KVMEntry(0xB, 0, eax: 1, ebx: 2, ecx: 0x100, edx: 6), KVMEntry(0xB, 1, eax: 4, ebx: 4, ecx: 0x201, edx: 6),
            KVMEntry(0x30, eax: 0xA0, ebx: 0xB0, ecx: 0xC0, edx: 0xD0),
            KVMEntry(0x4000_0000, eax: 0x4000_0001, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x4D),
            KVMEntry(0x4000_0001, eax: 0x0100_007B),
        ]
        return table
    }

    /// Leaves that the table does not have: in range, out of each range, and missing subleaves.
    private static let missing: [(UInt32, UInt32)] = [
        (5, 0), (0x31, 0), (0x2000_0000, 0), (0x4000_0002, 0), (0x4000_0100, 0), (0x8FFF_0000, 0), (0xC000_0000, 0),
        (0xB, 2), (0xB, 0x123), (4, 60), (0xD, 62),
    ]

    @Test(
        "K38 a guest sees what KVM_GET_CPUID2 tells, and of what is missing what the rules say",
        arguments: [true, false])
    func k38(_ isIntel: Bool) throws {
        let machine = try Machine()
        let stored = try machine.given(table(isIntel ? .intel : .amd))
        let model = CPUIDTable(
            stored.entries.map {
                CPUIDEntry(
                    $0.leaf, $0.flags & 1 == 0 ? .any : .exact($0.subleaf), eax: $0.eax, ebx: $0.ebx, ecx: $0.ecx,
                    edx: $0.edx)
            })
        var seen = 0
        for entry in stored.entries {
            let answer = try machine.cpuid(entry.leaf, entry.subleaf)
            #expect(answer == stored[entry.leaf, entry.subleaf].registers, "\(entry)")
            seen += 1
        }
        #expect(seen > 10)
        for (leaf, subleaf) in Self.missing where !stored.has(leaf, subleaf) {
            let expected = model.guestView(leaf, subleaf)
            let answer = try machine.cpuid(leaf, subleaf)
            #expect(
                answer == [expected.eax, expected.ebx, expected.ecx, expected.edx],
                "\(String(leaf, radix: 16)).\(String(subleaf, radix: 16))")
        }
        #expect(try machine.cpuid(0x2000_0000) == (isIntel ? [0xA0, 0xB0, 0xC0, 0xD0] : [0, 0, 0, 0]))
        #expect(try machine.cpuid(0xB, 0x123) == [0, 0, 0x23, 6])
    }

    @Test(
        "K38 the tracepoint kvm:kvm_cpuid tells what the guest was told",
        .enabled(if: Tracing.isPossible, "tracefs with KVM's events is not there to see"))
    func k38InTracefs() throws {
        let machine = try Machine()
        try machine.given(table(.intel))
        try machine.run()
        let tracing = try Tracing(event: "kvm/kvm_cpuid")
        let present = try machine.cpuid(0xB, 1)
        let missing = try machine.cpuid(0x2000_0000, 3)
        func line(_ leaf: String, _ subleaf: String, _ registers: [UInt32]) -> String {
            let values = zip(["rax", "rbx", "rcx", "rdx"], registers).map { "\($0) \(String($1, radix: 16))" }
            return "func \(leaf) idx \(subleaf) \(values.joined(separator: " "))"
        }
        let lines = tracing.lines(containing: "kvm_cpuid:")
        #expect(lines.contains { $0.contains(line("b", "1", present)) && $0.contains("entry found") })
        #expect(
            lines.contains {
                $0.contains(line("20000000", "3", missing)) && $0.contains("entry not found, used max basic")
            }, "\(lines)")
    }

    /// KVM may have the MSR without listing it, on a host whose IA32_ARCH_CAPABILITIES does not tell of it. Where it has
    /// none, as on AMD, nothing hides the bits.
    @Test(
        "H42 IA32_TSX_CTRL[1] hides HLE and RTM from the guest, and not from KVM_GET_CPUID2",
        .enabled(if: TestHost.isMainline, TestHost.notMainline))
    func h42() throws {
        let (control, bits): (UInt32, UInt32) = (0x122, 1 << 4 | 1 << 11)
        let machine = try Machine()
        let stored = try machine.given(
            try Machine.offer().with(7) {
                $0.ebx |= bits
                $0.edx.set(29, true)
            })
        #expect(stored[7].ebx & bits == bits)
        #expect(machine.set([(0x10A, 1 << 7)]) == 1)
        #expect(try machine.cpuid(7)[1] & bits == bits)
        let isThere = machine.set([(control, 1 << 1)]) == 1
        if try machine.savedMSRs().contains(control) { #expect(isThere) }
        if try TestHost.module() == "kvm_amd" { #expect(!isThere) }
        #expect(try machine.cpuid(7)[1] & bits == (isThere ? 0 : bits))
        #expect(try machine.table() == stored)
        if isThere {
            #expect(machine.set([(control, 0)]) == 1)
            #expect(try machine.cpuid(7)[1] & bits == bits)
        }
    }
}

extension Machine {
    /// KVM_GET_MSR_INDEX_LIST: the MSRs that make up a vCPU's state.
    fileprivate func savedMSRs() throws -> [UInt32] {
        var words = [UInt32](repeating: 0, count: 1024)
        words[0] = UInt32(words.count - 1)
        try #require(call(kvm, KVMTEST_GET_MSR_INDEX_LIST, &words) == 0)
        return Array(words[1...].prefix(Int(words[0])))
    }
}
