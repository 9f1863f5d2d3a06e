// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// One of the fields of a stored table that KVM keeps up to date itself (Linux, `kvm_update_cpuid_runtime`).
public enum RuntimeField: String, Sendable, Hashable, CaseIterable {
    /// 1.ECX[27] OSXSAVE: CR4[18].
    case osxsave
    /// 1.EDX[9] APIC: IA32_APIC_BASE[11]. The copy in 0x80000001.EDX stays as it was given.
    case apic
    /// 1.ECX[3] MWAIT: IA32_MISC_ENABLE[18], where the quirk MISC_ENABLE_NO_MWAIT is off.
    case mwait
    /// 7.0.ECX[4] OSPKE: CR4[22].
    case ospke
    /// D.0.EBX: the size of the XSAVE area for XCR0, standard layout.
    case xsaveSize
    /// D.1.EBX: the size of the XSAVE area for XCR0, or XCR0 and IA32_XSS, compacted layout.
    case compactedSize
    /// EAX[7] PV_UNHALT of KVM's feature leaf: cleared, never set, where HLT does not exit; see
    /// `RuntimeRules+PVUnhalt.swift` for when.
    case pvUnhalt
    /// ECX and EDX of Xen's leaf base+3.1 and EAX of base+3.2: how the guest's TSC is scaled.
    case xenTSC
    /// 0x12.1 ECX and EDX: what an enclave may have in XCR0, held within what the guest may have.
    case enclaveXCR0
}

/// Where the bits are that KVM may change in a stored table, on any host.
public enum RuntimeBits {
    /// The bits of a register that KVM may change at run time; 0 where it changes none.
    ///
    /// PV_UNHALT counts, although it changes when the table is set: KVM clears it where HLT does not exit.
    public static func mask(leaf: UInt32, subleaf: UInt32, register: CPUIDRegister) -> UInt32 {
        UnknownField.all(leaf: leaf, subleaf: subleaf, register).reduce(0) { $0 | $1.mask }
    }
}

extension UnknownField {
    /// The fields of a register, each of which may be anything.
    static func all(leaf: UInt32, subleaf: UInt32, _ register: CPUIDRegister) -> [UnknownField] {
        func field(_ field: RuntimeField, _ mask: UInt32, _ missing: VCPUStateSource...) -> UnknownField {
            UnknownField(
                field: field, leaf: leaf, subleaf: subleaf, register: register, mask: mask, otherwise: nil,
                missing: missing)
        }
        return switch (leaf, subleaf, register) {
        case (1, _, .ecx): [field(.osxsave, 1 << 27, .cr4), field(.mwait, 1 << 3, .miscEnable, .quirks)]
        case (1, _, .edx): [field(.apic, 1 << 9, .apicBase)]
        case (7, 0, .ecx): [field(.ospke, 1 << 4, .cr4)]
        case (0xD, 0, .ebx): [field(.xsaveSize, .max, .xcr0)]
        case (0xD, 1, .ebx): [field(.compactedSize, .max, .xcr0, .xss)]
        case (0x4000_0001, _, .eax), (0x4000_0101, _, .eax): [field(.pvUnhalt, 1 << 7, .haltExits)]
        default: []
        }
    }
}
