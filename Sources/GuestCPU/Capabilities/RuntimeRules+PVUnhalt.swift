// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// PV_UNHALT promises that a halted vCPU can be woken by a hypercall, which takes an exit to see it halted. So KVM clears
/// it where HLT does not exit (KVM_X86_DISABLE_EXITS_HLT), and never sets it. When, and where it looks, has changed:
///
/// | Linux | when | KVM's leaves are looked for |
/// |---|---|---|
/// | 6.1 to 6.8 | a table is set | where the table before had them, for the new one is not in force yet |
/// | | later, as other fields change | where the table has them |
/// | 6.9 to 6.13 | both | where the table has them (commit 4736d85f0d18) |
/// | since 6.14 | a table is set | where the table has them |
///
/// So on an older kernel the first table of a vCPU keeps the bit until CR4, XCR0 or the APIC base changes.
extension RuntimeRules {
    /// When a table is set over another.
    func clearPVUnhalt(
        setting update: inout RuntimeUpdate, over before: CPUIDTable, _ state: PartialVCPUState
    ) {
        guard state.haltExits != true else { return }
        let missing: [VCPUStateSource] = state.haltExits == nil ? [.haltExits] : []
        let (own, old) = (update.table.kvmBase, before.kvmBase)
        if kvm.generation >= .linux6_9 || own == old {
            clearPVUnhalt(&update, base: own, missing: missing)
        } else if kvm.evidence == .tells {
            clearPVUnhalt(&update, base: old, missing: missing)
        } else {
            // By its version alone a kernel is not known to lack so small a fix.
            for base in [old, own] { clearPVUnhalt(&update, base: base, missing: missing + [.kvmGeneration]) }
        }
    }

    /// When KVM updates a table that is in force, if it has: each update is of all fields.
    func clearPVUnhalt(
        updating update: inout RuntimeUpdate, from stored: CPUIDTable, _ state: PartialVCPUState
    ) {
        // Since then HLT exits cannot change once there is a vCPU, so what was stored is settled.
        guard kvm.generation < .linux6_14, state.haltExits != true else { return }
        var missing: [VCPUStateSource] = state.haltExits == nil ? [.haltExits] : []
        // What is as it was may have changed and changed back.
        if update.table == stored { missing.append(.history) }
        clearPVUnhalt(&update, base: update.table.kvmBase, missing: missing)
    }

    /// Clears the bit in the feature leaf that belongs to a signature's leaf, or says what would have to be known.
    private func clearPVUnhalt(_ update: inout RuntimeUpdate, base: UInt32?, missing: [VCPUStateSource]) {
        guard let base, let position = update.first(leaf: base | 1) else { return }
        if missing.isEmpty {
            update.bit(7, of: .eax, at: position, .pvUnhalt, isOn: false, by: .haltExits)
        } else {
            update.maybeCleared(7, of: .eax, at: position, .pvUnhalt, by: missing)
        }
    }
}
