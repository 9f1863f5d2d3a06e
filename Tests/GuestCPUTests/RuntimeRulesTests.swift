// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct RuntimeRulesTests {
    private let host = TestHosts.generous(.intel)

    private func table(_ expression: String = "Small,+avx512f,+xsavec,+kvm-pv-unhalt") throws -> CPUIDTable {
        try TestHosts.guest(expression, on: host, topology: Topology()).table(ofVCPU: 0)
    }

    private func rules(_ generation: KVMGeneration) -> RuntimeRules {
        RuntimeRules(host: host, kvm: KVMRules(generation, isSVM: false))
    }

    @Test func sizesAreTheHostsWhateverTheTableSays() throws {
        var table = try table()
        table.update(0xD, 2) { $0.ebx = 0x1000 }
        let updated = rules(.linux6_18).updated(table, state: PartialVCPUState(VCPUState(xcr0: 0xE7)))
        #expect(updated.table.value(0xD, 0, .ebx) == 0xA80)
        #expect(updated.table.value(0xD, 1, .ebx) == 0x980)
    }

    @Test func whatIsNotKnownStaysAndIsNamed() throws {
        let table = try table()
        var state = PartialVCPUState()
        state.cr4 = 1 << 18
        let updated = rules(.linux6_18).updated(table, state: state)
        #expect(updated.table.value(1, 0, .ecx) & 1 << 27 != 0)
        #expect(updated.table.value(0xD, 0, .ebx) == table.value(0xD, 0, .ebx))
        #expect(updated.missing.contains(.xcr0))
        #expect(updated.missing.contains(.apicBase))
        #expect(!updated.missing.contains(.cr4))
    }

    @Test func anUnpredictedBitSaysWhatIsMissing() throws {
        let table = try table()
        var got = table
        got.update(0x4000_0001) { $0.eax &= ~(1 << 7) }
        let predicted = rules(.linux6_18).predicted(setting: table, over: CPUIDTable(), state: .reset)
        let differences = table.differences(in: got, predicting: predicted)
        #expect(differences.map(\.kind) == [.runtime])
        #expect(differences.first?.missing == [.haltExits])
    }

    @Test func aRuntimeBitAgainstThePredictionIsAltered() throws {
        let table = try table()
        var got = table
        got.update(1) { $0.ecx |= 1 << 27 }
        let fresh = rules(.linux6_18).predicted(setting: table, over: CPUIDTable(), state: .reset)
        #expect(table.differences(in: got, predicting: fresh).map(\.kind) == [.forcedOn])
        let running = rules(.linux6_18).predicted(
            setting: table, over: CPUIDTable(), state: PartialVCPUState(VCPUState(cr4: 1 << 18)))
        #expect(table.differences(in: got, predicting: running).map(\.kind) == [.runtime])
        // The bit that should have come and did not is as wrong as one that should not have come.
        #expect(table.differences(in: table, predicting: running).map(\.kind) == [.forcedOff])
    }
}
