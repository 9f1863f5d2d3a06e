// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What KVM derives from a vCPU's table and capabilities for its registers (Linux, `kvm_vcpu_after_set_cpuid`).
public struct VCPULimits: Sendable, Hashable {
    /// The components that the guest may have in XCR0: those of its leaf 0xD.0 that KVM supports.
    public let xcr0: UInt64
    /// The components that the guest may have in IA32_XSS: those of its leaf 0xD.1 that KVM supports.
    public let xss: UInt64
    /// MAXPHYADDR, the width of a physical address in bits: 36 where the table has no leaf 0x80000008.
    public let physicalAddressBits: UInt8
    /// The bits of CR4 that the guest cannot set. KVM_SET_SREGS refuses them, too.
    public let reservedCR4: UInt64

    init(of vcpu: VCPU, host: CPUIDTable) {
        xcr0 = vcpu.table.userComponents & host.userComponents
        xss = vcpu.table.supervisorComponents & host.supervisorComponents
        let hasLeaf = vcpu.table.value(0x8000_0000, 0, .eax) >= 0x8000_0008
        physicalAddressBits =
            hasLeaf ? UInt8(truncatingIfNeeded: vcpu.table.value(0x8000_0008, 0, .eax)) : 36
        reservedCR4 = CR4Bits.reserved { vcpu.has($0) } | CR4Bits.reserved { vcpu.host.has($0.feature) }
    }

    /// Whether the guest may put this value into XCR0; KVM_SET_XCRS takes no other either. x87 is always allowed.
    public func allows(xcr0 value: UInt64) -> Bool { value & ~(xcr0 | 1) == 0 && Self.isConsistent(xcr0: value) }

    /// Whether the components go together, on any CPU: x87 always; AVX with SSE; both parts of MPX; all of AVX-512, and
    /// AVX with it; both parts of AMX (Intel SDM volume 1, 13.3; Linux, `__kvm_set_xcr`).
    public static func isConsistent(xcr0: UInt64) -> Bool {
        func allOrNone(_ mask: UInt64) -> Bool { xcr0 & mask == 0 || xcr0 & mask == mask }
        let (sse, avx, mpx, avx512, amx): (UInt64, UInt64, UInt64, UInt64, UInt64) = (
            1 << 1, 1 << 2, 0b11 << 3, 0b111 << 5, 0b11 << 17
        )
        return xcr0 & 1 != 0 && (xcr0 & avx == 0 || xcr0 & sse != 0) && (xcr0 & avx512 == 0 || xcr0 & avx != 0)
            && allOrNone(mpx) && allOrNone(avx512) && allOrNone(amx)
    }
}

/// The bits of CR4 (Intel SDM volume 3, 2.5; AMD APM volume 2, 3.1.3).
enum CR4Bits {
    /// The bits that need no feature: VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT. KVM checks none of theirs.
    private static let always: UInt64 = 0x7FF

    /// The others that KVM knows, each with the features of which any allows it.
    private static let byFeature: [(bit: UInt64, features: [StaticFeature])] = [
        (11, [.umip]), (12, [.la57]), (13, [.vmx]), (16, [.fsgsbase]), (17, [.pcid]), (18, [.xsave]), (20, [.smep]),
        (21, [.smap]), (22, [.pku]), (23, [.cetSs, .cetIbt]), (28, [.lam]),
    ]

    /// The bits that nobody with these features may set.
    static func reserved(_ has: (StaticFeature) -> Bool) -> UInt64 {
        ~byFeature.reduce(always) { allowed, rule in
            rule.features.contains(where: has) ? allowed | 1 << rule.bit : allowed
        }
    }
}
