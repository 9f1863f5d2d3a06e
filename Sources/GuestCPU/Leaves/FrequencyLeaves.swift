// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaves 0x15, 0x16 and 0x40000010: the frequencies of TSC, core and APIC timer, where the VM's owner tells the TSC's.
enum FrequencyLeaves {
    /// KVM's local APIC timer counts nanoseconds unless KVM_CAP_X86_APIC_BUS_CYCLES_NS says otherwise.
    private static let apicTimerHz: UInt32 = 1_000_000_000

    /// 0x15: EBX/EAX is the ratio of the TSC to the core crystal clock, ECX the crystal in Hz; 0x16: EAX base, EBX
    /// highest and ECX bus frequency in MHz (Intel SDM volume 2, CPUID). AMD's CPUs have neither.
    ///
    /// A guest takes the crystal for the APIC timer's clock, too, so it has to be KVM's: 1 GHz. With a denominator of
    /// 10^6 the ratio is then exact for any frequency in kHz.
    static func native(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard let kHz = inputs.options.tscKHz, !inputs.vendor.isAMDLike else { return [] }
        let mHz = min(kHz / 1000 + (kHz % 1000 < 500 ? 0 : 1), 0xFFFF)
        return [
            CPUIDEntry(0x15, eax: 1_000_000, ebx: kHz, ecx: apicTimerHz),
            CPUIDEntry(0x16, eax: mHz, ebx: mHz, ecx: 100),
        ]
    }

    /// 0x40000010: EAX the TSC and EBX the APIC timer in kHz: VMware's leaf, which KVM's guests read as well, when it is
    /// within reach of the hypervisor's first leaf.
    static func hypervisor(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard let kHz = inputs.options.tscKHz, inputs.options.hyperV.isEmpty else { return [] }
        return [CPUIDEntry(0x4000_0010, eax: kHz, ebx: apicTimerHz / 1000)]
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x15...0x16, by: .owner, "the TSC's frequency that was given"),
        FieldOrigin(0x4000_0010, by: .owner, "the TSC's frequency that was given, and KVM's APIC timer"),
    ]
}
