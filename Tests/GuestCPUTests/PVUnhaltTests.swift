// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

/// Row by row what Linux, arch/x86/kvm/cpuid.c, does with PV_UNHALT in a VM whose HLT does not exit.
struct PVUnhaltTests {
    private let host = TestHosts.generous(.intel)
    private let noExits = PartialVCPUState(VCPUState(haltExits: false))

    /// A table with KVM's leaves at a base, or with a feature leaf there that no signature belongs to.
    private func table(base: UInt32 = 0x4000_0000, isSigned: Bool = true) -> CPUIDTable {
        CPUIDTable([
            CPUIDEntry(0, .any, eax: 1), CPUIDEntry(1, .any, edx: 1 << 9),
            CPUIDEntry(base, .any, eax: base | 1, ebx: 0x4B4D_564B, ecx: isSigned ? 0x564B_4D56 : 0, edx: 0x4D),
            CPUIDEntry(base | 1, .any, eax: 1 << 7),
        ])
    }

    private func rules(
        _ generation: KVMGeneration, _ evidence: KVMRules.Evidence = .tells
    ) -> RuntimeRules {
        RuntimeRules(host: host, kvm: KVMRules(generation, isSVM: false, evidence: evidence))
    }

    private func isOn(_ update: UpdatedTable, base: UInt32 = 0x4000_0000) -> Bool {
        update.table.value(base | 1, 0, .eax) & 1 << 7 != 0
    }

    @Test(arguments: KVMGeneration.allCases)
    func theFirstTableKeepsItUntilLinux6_9(_ generation: KVMGeneration) {
        for base: UInt32 in [0x4000_0000, 0x4000_0100, 0x4000_FF00] {
            let set = rules(generation).predicted(setting: table(base: base), over: CPUIDTable(), state: noExits)
            #expect(isOn(set, base: base) == (generation < .linux6_9))
            #expect(set.unknown.isEmpty)
        }
    }

    @Test(arguments: KVMGeneration.allCases)
    func overATableWithTheSameLeavesItGoes(_ generation: KVMGeneration) {
        for evidence in KVMRules.Evidence.allCases {
            let set = rules(generation, evidence).predicted(setting: table(), over: table(), state: noExits)
            #expect(!isOn(set))
            #expect(set.unknown.isEmpty)
        }
    }

    @Test(arguments: KVMGeneration.allCases)
    func whereTheTableBeforeHadTheLeavesItGoesWithoutASignatureUntilLinux6_9(_ generation: KVMGeneration) {
        let set = rules(generation).predicted(setting: table(isSigned: false), over: table(), state: noExits)
        #expect(isOn(set) == (generation >= .linux6_9))
        #expect(set.unknown.isEmpty)
    }

    @Test(arguments: KVMGeneration.allCases)
    func leavesThatMoveKeepItUntilLinux6_9(_ generation: KVMGeneration) {
        let moved = table(base: 0x4000_0100)
        let set = rules(generation).predicted(setting: moved, over: table(), state: noExits)
        #expect(isOn(set, base: 0x4000_0100) == (generation < .linux6_9))
    }

    @Test(arguments: KVMGeneration.allCases)
    func aVersionAloneDoesNotTellWhetherTheFixIsThere(_ generation: KVMGeneration) {
        let set = rules(generation, .version).predicted(setting: table(), over: CPUIDTable(), state: noExits)
        var cleared = table()
        cleared.update(0x4000_0001) { $0.eax = 0 }
        guard generation < .linux6_9 else {
            #expect(!isOn(set) && set.unknown.isEmpty)
            return
        }
        #expect(set.missing == [.kvmGeneration])
        #expect(table().differences(in: table(), predicting: set).isEmpty)
        let differences = table().differences(in: cleared, predicting: set)
        #expect(differences.map(\.kind) == [.runtime])
        #expect(differences.first?.missing == [.kvmGeneration])
    }

    @Test(arguments: KVMGeneration.allCases)
    func withHaltExitsNothingGoes(_ generation: KVMGeneration) {
        for evidence in KVMRules.Evidence.allCases {
            let rules = rules(generation, evidence)
            let state = PartialVCPUState(VCPUState(haltExits: true))
            #expect(rules.predicted(setting: table(), over: table(), state: state).table == table())
            #expect(rules.updated(table(), state: state).unknown.isEmpty)
        }
    }

    @Test(arguments: KVMGeneration.allCases)
    func withHaltExitsUnknownItIsNamed(_ generation: KVMGeneration) {
        var state = noExits
        state.haltExits = nil
        let set = rules(generation).predicted(setting: table(), over: table(), state: state)
        #expect(isOn(set))
        #expect(set.missing == [.haltExits])
        // No leaves before, and none are looked for.
        let first = rules(generation).predicted(setting: table(), over: CPUIDTable(), state: state)
        #expect(first.missing == (generation < .linux6_9 ? [] : [.haltExits]))
    }

    @Test(arguments: KVMGeneration.allCases)
    func anUpdateOfAnotherFieldTakesItAlongUntilLinux6_14(_ generation: KVMGeneration) {
        var state = noExits
        state.apicBase = 0
        let updated = rules(generation).updated(table(), state: state)
        #expect(updated.table.value(1, 0, .edx) & 1 << 9 == 0)
        #expect(isOn(updated) == (generation >= .linux6_14))
        #expect(updated.unknown.isEmpty)
    }

    @Test(arguments: KVMGeneration.allCases)
    func withoutATraceOfAnUpdateItMayBeEither(_ generation: KVMGeneration) {
        let updated = rules(generation).updated(table(), state: noExits)
        #expect(isOn(updated))
        #expect(updated.missing == (generation < .linux6_14 ? [.history] : []))
    }
}
