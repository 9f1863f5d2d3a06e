// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What the CPUID instruction returns in a guest, and what of its state that hangs on and is not known.
public struct GuestAnswer: Sendable, Hashable {
    /// The registers. Bits that KVM might hide, for all that is known, stand as in the table.
    public internal(set) var entry: CPUIDEntry
    /// Whether there are no registers, but a #GP; nil where that is not known. Never at CPL 0.
    public internal(set) var isFault: Bool? = false
    /// What would have to be known to know all of the answer; empty where all is known.
    public internal(set) var missing: [VCPUStateSource] = []

    /// CPUID faulting: MISC_FEATURES_ENABLES[0] or HWCR[35] has the instruction raise #GP(0) above CPL 0.
    mutating func fault(in state: PartialVCPUState) {
        let sources: [(isOn: Bool?, source: VCPUStateSource)] = [
            (state.miscFeaturesEnables.map { $0 & 1 != 0 }, .miscFeaturesEnables),
            (state.hwcr.map { $0 >> 35 & 1 != 0 }, .hwcr),
        ]
        if sources.contains(where: { $0.isOn == true }) {
            isFault = true
        } else {
            let unknown = sources.filter { $0.isOn == nil }.map(\.source)
            isFault = unknown.isEmpty ? false : nil
            missing += unknown
        }
    }

    /// KVM hides bits as it answers, and leaves them in the table.
    mutating func hide(
        _ mask: UInt32, of register: CPUIDRegister, if isHidden: Bool?, by source: VCPUStateSource
    ) {
        guard entry[register] & mask != 0 else { return }
        switch isHidden {
        case true?: entry[register] &= ~mask
        case false?: break
        case nil: missing.append(source)
        }
    }
}

extension CPUIDTable {
    /// What the CPUID instruction returns in a guest with this table, which is one that KVM_GET_CPUID2 returned, in this
    /// state.
    ///
    /// That is ``guestView(_:_:)``, without the bits that KVM hides only as it answers (Linux, `kvm_cpuid`): HLE and RTM
    /// in 7.0.EBX[4, 11] while IA32_TSX_CTRL[1] is set, and the invariant TSC in 0x80000007.EDX[8] while a guest that has
    /// Hyper-V's control of it has not asked for it. Above CPL 0 it may be no answer at all: see
    /// ``GuestAnswer/isFault``.
    ///
    /// - Parameter privilegeLevel: the CPL at which the instruction is executed, 0 to 3.
    public func guestAnswer(
        _ leaf: UInt32, _ subleaf: UInt32 = 0, in state: PartialVCPUState, privilegeLevel: UInt8 = 0
    ) -> GuestAnswer {
        var answer = GuestAnswer(entry: guestView(leaf, subleaf))
        if privilegeLevel > 0 { answer.fault(in: state) }
        switch answeringLeaf(leaf, subleaf) {
        case 7 where subleaf == 0:
            answer.hide(1 << 4 | 1 << 11, of: .ebx, if: state.tsxControl.map { $0 & 2 != 0 }, by: .tsxControl)
        case 0x8000_0007 where hasTSCInvariantControl:
            answer.hide(
                1 << 8, of: .edx, if: state.tscInvariantControl.map { $0 & 1 == 0 }, by: .tscInvariantControl)
        default: break
        }
        return answer
    }

    /// Whether the guest has Hyper-V's privilege AccessTscInvariantControls, 0x40000003.EAX[15], and "Hv#1" by which
    /// KVM knows a Hyper-V guest.
    private var hasTSCInvariantControl: Bool {
        value(0x4000_0001, 0, .eax) == 0x3123_7648 && value(0x4000_0003, 0, .eax) & 1 << 15 != 0
    }
}
