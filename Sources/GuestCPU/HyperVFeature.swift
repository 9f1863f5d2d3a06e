// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// A part of Microsoft's hypervisor interface ("enlightenment") that a guest of KVM can be offered, by QEMU's name
/// without `hv-`.
///
/// Hypervisor Top Level Functional Specification 6.0b, chapter 2; Linux, `kvm_get_hv_cpuid`.
public enum HyperVFeature: String, Sendable, Hashable, CaseIterable {
    case relaxed, vapic, time, crash, reset, vpindex, runtime, synic, stimer, frequencies, reenlightenment, tlbflush
    case evmcs, ipi, avic, syndbg
    case stimerDirect = "stimer-direct"
    case msrBitmap = "emsr-bitmap"
    case xmmInput = "xmm-input"
    case tlbflushExtended = "tlbflush-ext"
    case tlbflushDirect = "tlbflush-direct"

    /// A bit, or several, of the interface's leaves.
    struct Bits {
        let leaf: UInt32
        let register: CPUIDRegister
        let mask: UInt32

        init(_ leaf: UInt32, _ register: CPUIDRegister, _ bits: UInt32...) {
            self.leaf = leaf
            self.register = register
            mask = bits.reduce(0) { $0 | 1 << $1 }
        }
    }

    /// The bits that tell a guest of it.
    ///
    /// 0x40000003 holds what the guest may use (EAX MSRs, EDX others), 0x40000004.EAX what it is recommended to use,
    /// 0x4000000A.EAX what there is for a hypervisor in the guest.
    var bits: [Bits] {
        switch self {
        case .relaxed: [Bits(0x4000_0004, .eax, 5)]
        case .vapic: [Bits(0x4000_0003, .eax, 4), Bits(0x4000_0004, .eax, 3)]
        case .time: [Bits(0x4000_0003, .eax, 1, 9)]
        case .crash: [Bits(0x4000_0003, .edx, 10)]
        case .reset: [Bits(0x4000_0003, .eax, 7)]
        case .vpindex: [Bits(0x4000_0003, .eax, 6)]
        case .runtime: [Bits(0x4000_0003, .eax, 0)]
        case .synic: [Bits(0x4000_0003, .eax, 2)]
        case .stimer: [Bits(0x4000_0003, .eax, 3)]
        case .frequencies: [Bits(0x4000_0003, .eax, 11), Bits(0x4000_0003, .edx, 8)]
        case .reenlightenment: [Bits(0x4000_0003, .eax, 13)]
        case .tlbflush: [Bits(0x4000_0004, .eax, 2, 11)]
        case .evmcs: [Bits(0x4000_0004, .eax, 14)]
        case .ipi: [Bits(0x4000_0004, .eax, 10, 11)]
        case .avic: [Bits(0x4000_0004, .eax, 9)]
        case .syndbg: [Bits(0x4000_0003, .edx, 11)]
        case .stimerDirect: [Bits(0x4000_0003, .edx, 19)]
        case .msrBitmap: [Bits(0x4000_000A, .eax, 19)]
        case .xmmInput: [Bits(0x4000_0003, .edx, 4)]
        case .tlbflushExtended: [Bits(0x4000_0003, .edx, 14)]
        case .tlbflushDirect: [Bits(0x4000_000A, .eax, 17)]
        }
    }

    /// What else a guest has to be offered for it to work.
    public var needs: [HyperVFeature] {
        switch self {
        case .stimer: [.synic, .time]
        case .tlbflush, .ipi: [.vpindex]
        case .synic: [.vpindex]
        case .evmcs, .tlbflushDirect: [.vapic]
        case .stimerDirect: [.stimer]
        case .syndbg: [.synic]
        case .tlbflushExtended: [.tlbflush]
        default: []
        }
    }

    /// Whether the host's KVM offers it.
    ///
    /// Frequency MSRs and the idle of APIC EOI assist are the VMM's to recommend: KVM lists every bit but `avic`'s.
    func isOffered(by table: CPUIDTable) -> Bool {
        bits.allSatisfy { bits in
            self == .avic || table.value(bits.leaf, 0, bits.register) & bits.mask == bits.mask
        }
    }
}
