// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What KVM is known to offer to guests of what a CPU has: the answer where only the CPU's own CPUID is known.
///
/// The features are those that Linux 6.12 passes through on a CPU that has them, with the module parameters' defaults
/// (`kvm_set_cpu_caps` and the calls after it in `vmx_set_cpu_caps` and `svm_set_cpu_caps`). An older kernel offers
/// less and a newer one more; what needs hardware that is set up by the host (SGX, Processor Trace, SEV), or a module
/// parameter other than the default, is left out.
enum KVMOffer {
    /// Names of the registry.
    static let names = """
        pni pclmulqdq vmx ssse3 fma cx16 pcid sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand
        fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss
        fsgsbase bmi1 hle avx2 fdp-excptn-only smep bmi2 erms invpcid rtm zero-fcs-fds mpx avx512f avx512dq rdseed adx
        smap avx512ifma clflushopt clwb avx512pf avx512er avx512cd sha-ni avx512bw avx512vl
        avx512vbmi umip pku waitpkg avx512vbmi2 gfni vaes vpclmulqdq avx512vnni avx512bitalg avx512-vpopcntdq la57
        rdpid bus-lock-detect cldemote movdiri movdir64b
        avx512-4vnniw avx512-4fmaps fsrm avx512-vp2intersect md-clear serialize tsx-ldtrk amx-bf16 avx512-fp16
        amx-tile amx-int8 spec-ctrl stibp flush-l1d ssbd
        sha512 sm3 sm4 avx-vnni avx512-bf16 cmpccxadd fzrm fsrs fsrc amx-fp16 avx-ifma lam
        avx-vnni-int8 avx-ne-convert amx-complex avx-vnni-int16 prefetchiti avx10
        intel-psfd ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no
        xsaveopt xsavec xgetbv1 xsaves xfd avx10-128 avx10-256 avx10-512
        lahf-lm cmp-legacy svm cr8legacy abm sse4a misalignsse 3dnowprefetch osvw xop fma4 tbm topoext perfctr-core
        syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm 3dnowext 3dnow invtsc
        clzero xsaveerptr wbnoinvd ibpb ibrs amd-stibp stibp-always-on amd-ssbd virt-ssbd amd-no-ssb amd-psfd
        npt lbrv nrip-save tsc-scale vmcb-clean flushbyasid pause-filter pfthreshold v-vmsave-vmload vgif vnmi
        svme-addr-chk
        no-nested-data-bp lfence-always-serializing null-sel-clr-base auto-ibrs sbpb ibpb-brtype srso-no perfmon-v2
        xstore xstore-en xcrypt xcrypt-en ace2 ace2-en phe phe-en pmm pmm-en
        amx-int8-mirror amx-bf16-mirror amx-complex-mirror amx-fp16-mirror
        rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl taa-no sbdr-ssdp-no fbsdp-no
        psdp-no fb-clear rrsba bhi-no pbrsb-no gds-no rfds-no rfds-clear
        """

    /// Offered on a CPU that has them.
    static let passedThrough = FeatureSet(named: names)
    /// Offered everywhere: KVM makes them itself. The paravirtual ones are those of Linux 5.8 and later.
    static let emulated = FeatureSet(
        named: """
            x2apic tsc-deadline hypervisor tsc-adjust arch-capabilities arat
            kvmclock kvmclock2 kvm-nopiodelay kvm-asyncpf kvm-steal-time kvm-pv-eoi kvm-pv-unhalt kvm-pv-tlb-flush
            kvm-asyncpf-vmexit kvm-pv-ipi kvm-poll-control kvm-pv-sched-yield kvm-asyncpf-int kvmclock-stable-bit
            """)
    /// The XSAVE components of XCR0 that KVM can save: x87, SSE, AVX, MPX, AVX-512, PKRU, AMX.
    static let xcr0: UInt32 = 0x602FF

    /// The features that KVM offers on a CPU with these.
    static func features(of native: FeatureSet) -> FeatureSet {
        var offered = native.intersection(passedThrough).union(emulated)
        // KVM tells one vendor's way to control speculation on CPUs of the other, too.
        let pairs = [("spec-ctrl", "ibrs"), ("spec-ctrl", "ibpb"), ("stibp", "amd-stibp"), ("ssbd", "amd-ssbd")]
        for (intel, amd) in pairs {
            let (intel, amd) = (FeatureSet(named: intel), FeatureSet(named: amd))
            if intel.isSubset(of: native) { offered = offered.union(amd) }
            if amd.isSubset(of: native), intel != FeatureSet(named: "spec-ctrl") { offered = offered.union(intel) }
        }
        if FeatureSet(named: "ibrs ibpb").isSubset(of: native) {
            offered = offered.union(FeatureSet(named: "spec-ctrl"))
        }
        return offered
    }

    /// KVM_GET_SUPPORTED_CPUID as it would be, by Linux' `__do_cpuid_func`.
    static func supported(native: CPUIDTable, features: FeatureSet) -> CPUIDTable {
        var table = CPUIDTable(native.entries.compactMap { supported($0, xcr0: native.value(0xD, 0, .eax) & xcr0) })
        for word in FeatureWord.allCases {
            guard case .cpuid(let leaf, let subleaf, let register) = word.position else { continue }
            table.update(leaf, subleaf.index) { $0[register] = UInt32(truncatingIfNeeded: features[word]) }
        }
        // KVM has AMD's copies of leaf 1, EDX, which are not features of their own.
        if CPUVendor(table: native)?.isAMDLike == true {
            let copies = native.value(0x8000_0001, 0, .edx) & table.value(1, 0, .edx) & CPUVendor.repeatedLeaf1EDX
            table.update(0x8000_0001) { $0.edx |= copies }
        }
        table.append(CPUIDEntry(0x4000_0000, eax: 0x4000_0001, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x4D))
        table.append(CPUIDEntry(0x4000_0001, eax: UInt32(truncatingIfNeeded: features[.leaf40000001_eax])))
        return table
    }

    /// What KVM makes of one entry, but for features; nil for leaves that it does not pass on.
    private static func supported(_ native: CPUIDEntry, xcr0: UInt32) -> CPUIDEntry? {
        var entry = native
        switch (native.leaf, native.subleaf.index) {
        case (0, _): entry.eax = min(native.eax, 0x24)
        case (1, _), (2, _), (4, _), (0x8000_0002...0x8000_0006, _), (0x8000_001D, _), (0x8000_001E, _): break
        case (0xB, _), (0x1F, _), (0x8000_0001, _), (0x8000_001A, _), (0x1D, _): break
        case (6, _), (0x8000_0007, _), (0x8000_0021, _), (0x1E, 1): entry = CPUIDEntry(native.leaf, native.subleaf)
        case (7, 0): entry.eax = min(native.eax, 2)
        case (7, 1...2): entry = CPUIDEntry(7, native.subleaf)
        case (0xA, _): entry.eax = native.eax & ~0xFF | min(native.eax & 0xFF, 2)
        case (0xD, 0): (entry.eax, entry.edx) = (xcr0, 0)
        case (0xD, 1): (entry.ecx, entry.edx) = (0, 0)
        case (0xD, let component) where component < 32 && xcr0 >> component & 1 == 1: break
        case (0x1E, 0), (0x24, 0): break
        case (0x8000_0000, _): entry.eax = min(native.eax, 0x8000_0022)
        case (0x8000_0008, _): (entry.ecx, entry.edx) = (0, 0)
        case (0x8000_000A, _): entry.eax = min(native.eax, 1)
        case (0x8000_0022, _), (0xC000_0000...0xC000_0001, _): break
        default: return nil
        }
        return entry
    }
}

extension FeatureSet {
    /// The features of these names, which must be the registry's: a name it does not have is left out, and a test sees
    /// to it that there is none.
    init(named names: String) {
        self.init(
            names.split(whereSeparator: \.isWhitespace).compactMap { FeatureRegistry.shared.feature(named: String($0)) }
        )
    }
}
