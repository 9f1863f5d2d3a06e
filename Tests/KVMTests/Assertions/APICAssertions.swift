// SPDX-License-Identifier: Apache-2.0

import CKVM
import Glibc
import KVMTestSupport
import Testing

/// The local APIC in the kernel: K37.
@Suite(.enabled(if: TestHost.isUsable, TestHost.unusable))
struct APICAssertions {
    @Test("K37 the id of the vCPU is that of its APIC; x2APIC mode needs 1.ECX[21]") func k37() throws {
        let machine = try Machine(ids: [5], irqchip: true)
        var words = [UInt32](repeating: 0, count: 0x400 / 4)
        #expect(machine.call(machine.vcpu, KVMTEST_GET_LAPIC, &words) == 0)
        #expect(words[0x20 / 4] == 5 << 24)

        for hasX2APIC in [false, true] {
            let table = try machine.given(try Machine.offer().with(1) { $0.ecx.set(21, hasX2APIC) })
            if TestHost.isMainline { #expect(table[1].ecx.bit(21) == hasX2APIC) }
            let before = try machine.registers().apic_base
            let result = try machine.change { $0.apic_base |= 1 << 10 }
            if table[1].ecx.bit(21) {
                #expect(result == 0)
                #expect(try machine.registers().apic_base == before | 1 << 10)
            } else {
                #expect(result == -EINVAL)
                #expect(try machine.registers().apic_base == before)
            }
        }
    }
}
