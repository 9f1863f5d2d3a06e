// SPDX-License-Identifier: Apache-2.0

// The features that code names. All features, with these among them, are in the registry's file, and a test holds the
// two together through `wellKnown`.

extension Feature {
    /// `apic`, CPUID 1:EDX[9].
    public static let apic = Feature(.leaf1_edx, 9)
    /// `osxsave`, CPUID 1:ECX[27].
    public static let osxsave = Feature(.leaf1_ecx, 27)
    /// `monitor`, CPUID 1:ECX[3].
    public static let monitor = Feature(.leaf1_ecx, 3)
    /// `ospke`, CPUID 7.0:ECX[4].
    public static let ospke = Feature(.leaf7_0_ecx, 4)
    /// `ht`, CPUID 1:EDX[28].
    public static let ht = Feature(.leaf1_edx, 28)
    /// `hypervisor`, CPUID 1:ECX[31].
    public static let hypervisor = Feature(.leaf1_ecx, 31)
    /// `x2apic`, CPUID 1:ECX[21].
    public static let x2apic = Feature(.leaf1_ecx, 21)
    /// `tsc-deadline`, CPUID 1:ECX[24].
    public static let tscDeadline = Feature(.leaf1_ecx, 24)
    /// `xsave`, CPUID 1:ECX[26].
    public static let xsave = Feature(.leaf1_ecx, 26)
    /// `pdcm`, CPUID 1:ECX[15].
    public static let pdcm = Feature(.leaf1_ecx, 15)
    /// `pcid`, CPUID 1:ECX[17].
    public static let pcid = Feature(.leaf1_ecx, 17)
    /// `vmx`, CPUID 1:ECX[5].
    public static let vmx = Feature(.leaf1_ecx, 5)
    /// `mtrr`, CPUID 1:EDX[12].
    public static let mtrr = Feature(.leaf1_edx, 12)
    /// `sse`, CPUID 1:EDX[25].
    public static let sse = Feature(.leaf1_edx, 25)
    /// `lm`, CPUID 80000001:EDX[29].
    public static let lm = Feature(.leaf80000001_edx, 29)
    /// `pae`, CPUID 1:EDX[6].
    public static let pae = Feature(.leaf1_edx, 6)
    /// `nx`, CPUID 80000001:EDX[20].
    public static let nx = Feature(.leaf80000001_edx, 20)
    /// `rdtscp`, CPUID 80000001:EDX[27].
    public static let rdtscp = Feature(.leaf80000001_edx, 27)
    /// `syscall`, CPUID 80000001:EDX[11].
    public static let syscall = Feature(.leaf80000001_edx, 11)
    /// `cmp-legacy`, CPUID 80000001:ECX[1].
    public static let cmpLegacy = Feature(.leaf80000001_ecx, 1)
    /// `topoext`, CPUID 80000001:ECX[22].
    public static let topoext = Feature(.leaf80000001_ecx, 22)
    /// `svm`, CPUID 80000001:ECX[2].
    public static let svm = Feature(.leaf80000001_ecx, 2)
    /// `perfctr-core`, CPUID 80000001:ECX[23].
    public static let perfctrCore = Feature(.leaf80000001_ecx, 23)
    /// `invtsc`, CPUID 80000007:EDX[8].
    public static let invtsc = Feature(.leaf80000007_edx, 8)
    /// `avx`, CPUID 1:ECX[28].
    public static let avx = Feature(.leaf1_ecx, 28)
    /// `avx2`, CPUID 7.0:EBX[5].
    public static let avx2 = Feature(.leaf7_0_ebx, 5)
    /// `avx512f`, CPUID 7.0:EBX[16].
    public static let avx512f = Feature(.leaf7_0_ebx, 16)
    /// `fma`, CPUID 1:ECX[12].
    public static let fma = Feature(.leaf1_ecx, 12)
    /// `f16c`, CPUID 1:ECX[29].
    public static let f16c = Feature(.leaf1_ecx, 29)
    /// `hle`, CPUID 7.0:EBX[4].
    public static let hle = Feature(.leaf7_0_ebx, 4)
    /// `mpx`, CPUID 7.0:EBX[14].
    public static let mpx = Feature(.leaf7_0_ebx, 14)
    /// `pku`, CPUID 7.0:ECX[3].
    public static let pku = Feature(.leaf7_0_ecx, 3)
    /// `xsaveopt`, CPUID D.1:EAX[0].
    public static let xsaveopt = Feature(.leafD_1_eax, 0)
    /// `xsavec`, CPUID D.1:EAX[1].
    public static let xsavec = Feature(.leafD_1_eax, 1)
    /// `xgetbv1`, CPUID D.1:EAX[2].
    public static let xgetbv1 = Feature(.leafD_1_eax, 2)
    /// `xsaves`, CPUID D.1:EAX[3].
    public static let xsaves = Feature(.leafD_1_eax, 3)
    /// `xfd`, CPUID D.1:EAX[4].
    public static let xfd = Feature(.leafD_1_eax, 4)
    /// `cet-ss`, CPUID 7.0:ECX[7].
    public static let cetSs = Feature(.leaf7_0_ecx, 7)
    /// `cet-ibt`, CPUID 7.0:EDX[20].
    public static let cetIbt = Feature(.leaf7_0_edx, 20)
    /// `arch-lbr`, CPUID 7.0:EDX[19].
    public static let archLbr = Feature(.leaf7_0_edx, 19)
    /// `uintr`, CPUID 7.0:EDX[5].
    public static let uintr = Feature(.leaf7_0_edx, 5)
    /// `intel-pt`, CPUID 7.0:EBX[25].
    public static let intelPt = Feature(.leaf7_0_ebx, 25)
    /// `intel-pt-lip`, CPUID 14.0:ECX[31].
    public static let intelPtLip = Feature(.leaf14_0_ecx, 31)
    /// `perfmon-v2`, CPUID 80000022:EAX[0].
    public static let perfmonV2 = Feature(.leaf80000022_eax, 0)
    /// `sgxlc`, CPUID 7.0:ECX[30].
    public static let sgxlc = Feature(.leaf7_0_ecx, 30)
    /// `sgx`, CPUID 7.0:EBX[2].
    public static let sgx = Feature(.leaf7_0_ebx, 2)
    /// `la57`, CPUID 7.0:ECX[16].
    public static let la57 = Feature(.leaf7_0_ecx, 16)
    /// `avx10`, CPUID 7.1:EDX[19].
    public static let avx10 = Feature(.leaf7_1_edx, 19)
    /// `apxf`, CPUID 7.1:EDX[21].
    public static let apxf = Feature(.leaf7_1_edx, 21)
    /// `arch-capabilities`, CPUID 7.0:EDX[29].
    public static let archCapabilities = Feature(.leaf7_0_edx, 29)
    /// `core-capability`, CPUID 7.0:EDX[30].
    public static let coreCapability = Feature(.leaf7_0_edx, 30)
    /// `ibrs-all`, MSR 0x10A[1].
    public static let ibrsAll = Feature(.archCapabilities, 1)
    /// `tsx-ctrl`, MSR 0x10A[7].
    public static let tsxControl = Feature(.archCapabilities, 7)
    /// `taa-no`, MSR 0x10A[8].
    public static let taaNo = Feature(.archCapabilities, 8)
    /// `rrsba`, MSR 0x10A[19].
    public static let rrsba = Feature(.archCapabilities, 19)
    /// `fred`, CPUID 7.1:EAX[17].
    public static let fred = Feature(.leaf7_1_eax, 17)
    /// `vmx-ept`, MSR 0x48B[33].
    public static let vmxEPT = Feature(.vmxProcbasedCtls2, 1)
    /// `vmx-tsc-scaling`, MSR 0x48B[57].
    public static let vmxTSCScaling = Feature(.vmxProcbasedCtls2, 25)
    /// `rtm`, CPUID 7.0:EBX[11].
    public static let rtm = Feature(.leaf7_0_ebx, 11)
    /// `gfni`, CPUID 7.0:ECX[8].
    public static let gfni = Feature(.leaf7_0_ecx, 8)
    /// `pdpe1gb`, CPUID 80000001:EDX[26].
    public static let pdpe1gb = Feature(.leaf80000001_edx, 26)
    /// `npt`, CPUID 8000000A:EDX[0].
    public static let npt = Feature(.leaf8000000A_edx, 0)
    /// `lbrv`, CPUID 8000000A:EDX[1].
    public static let lbrv = Feature(.leaf8000000A_edx, 1)
    /// `nrip-save`, CPUID 8000000A:EDX[3].
    public static let nripSave = Feature(.leaf8000000A_edx, 3)
    /// `tsc-scale`, CPUID 8000000A:EDX[4].
    public static let tscScale = Feature(.leaf8000000A_edx, 4)
    /// `vmcb-clean`, CPUID 8000000A:EDX[5].
    public static let vmcbClean = Feature(.leaf8000000A_edx, 5)
    /// `flushbyasid`, CPUID 8000000A:EDX[6].
    public static let flushbyasid = Feature(.leaf8000000A_edx, 6)
    /// `pause-filter`, CPUID 8000000A:EDX[10].
    public static let pauseFilter = Feature(.leaf8000000A_edx, 10)
    /// `pfthreshold`, CPUID 8000000A:EDX[12].
    public static let pfthreshold = Feature(.leaf8000000A_edx, 12)
    /// `v-vmsave-vmload`, CPUID 8000000A:EDX[15].
    public static let vVmsaveVmload = Feature(.leaf8000000A_edx, 15)
    /// `vgif`, CPUID 8000000A:EDX[16].
    public static let vgif = Feature(.leaf8000000A_edx, 16)
    /// `vnmi`, CPUID 8000000A:EDX[25].
    public static let vnmi = Feature(.leaf8000000A_edx, 25)
    /// `svme-addr-chk`, CPUID 8000000A:EDX[28].
    public static let svmeAddrChk = Feature(.leaf8000000A_edx, 28)
    /// `erms`, CPUID 7.0:EBX[9].
    public static let erms = Feature(.leaf7_0_ebx, 9)
    /// `fsrm`, CPUID 7.0:EDX[4].
    public static let fsrm = Feature(.leaf7_0_edx, 4)
    /// `fzrm`, CPUID 7.1:EAX[10].
    public static let fzrm = Feature(.leaf7_1_eax, 10)
    /// `fsrs`, CPUID 7.1:EAX[11].
    public static let fsrs = Feature(.leaf7_1_eax, 11)
    /// `fsrc`, CPUID 7.1:EAX[12].
    public static let fsrc = Feature(.leaf7_1_eax, 12)
    /// `mcdt-no`, CPUID 7.2:EDX[5].
    public static let mcdtNo = Feature(.leaf7_2_edx, 5)
    /// `overflow-recov`, CPUID 80000007:EBX[0].
    public static let overflowRecov = Feature(.leaf80000007_ebx, 0)
    /// `succor`, CPUID 80000007:EBX[1].
    public static let succor = Feature(.leaf80000007_ebx, 1)
    /// `arat`, CPUID 6:EAX[2].
    public static let arat = Feature(.leaf6_eax, 2)
    /// `acpi`, CPUID 1:EDX[22].
    public static let acpi = Feature(.leaf1_edx, 22)
    /// `amx-tile`, CPUID 7.0:EDX[24].
    public static let amxTile = Feature(.leaf7_0_edx, 24)
    /// `amx-int8`, CPUID 7.0:EDX[25].
    public static let amxInt8 = Feature(.leaf7_0_edx, 25)
    /// `amx-bf16`, CPUID 7.0:EDX[22].
    public static let amxBf16 = Feature(.leaf7_0_edx, 22)
    /// `amx-fp16`, CPUID 7.1:EAX[21].
    public static let amxFp16 = Feature(.leaf7_1_eax, 21)
    /// `amx-complex`, CPUID 7.1:EDX[8].
    public static let amxComplex = Feature(.leaf7_1_edx, 8)
    /// `amx-int8-mirror`, CPUID 1E.1:EAX[0].
    public static let amxInt8Mirror = Feature(.leaf1E_1_eax, 0)
    /// `amx-bf16-mirror`, CPUID 1E.1:EAX[1].
    public static let amxBf16Mirror = Feature(.leaf1E_1_eax, 1)
    /// `amx-complex-mirror`, CPUID 1E.1:EAX[2].
    public static let amxComplexMirror = Feature(.leaf1E_1_eax, 2)
    /// `amx-fp16-mirror`, CPUID 1E.1:EAX[3].
    public static let amxFp16Mirror = Feature(.leaf1E_1_eax, 3)
    /// `amx-fp8`, CPUID 1E.1:EAX[4].
    public static let amxFp8 = Feature(.leaf1E_1_eax, 4)
    /// `amx-tf32`, CPUID 1E.1:EAX[6].
    public static let amxTf32 = Feature(.leaf1E_1_eax, 6)
    /// `amx-avx512`, CPUID 1E.1:EAX[7].
    public static let amxAvx512 = Feature(.leaf1E_1_eax, 7)
    /// `amx-movrs`, CPUID 1E.1:EAX[8].
    public static let amxMovrs = Feature(.leaf1E_1_eax, 8)
    /// `kvmclock`, CPUID 40000001:EAX[0].
    public static let kvmclock = Feature(.leaf40000001_eax, 0)
    /// `kvmclock2`, CPUID 40000001:EAX[3].
    public static let kvmclock2 = Feature(.leaf40000001_eax, 3)
    /// `kvm-nopiodelay`, CPUID 40000001:EAX[1].
    public static let kvmNopiodelay = Feature(.leaf40000001_eax, 1)
    /// `kvm-asyncpf`, CPUID 40000001:EAX[4].
    public static let kvmAsyncpf = Feature(.leaf40000001_eax, 4)
    /// `kvm-steal-time`, CPUID 40000001:EAX[5].
    public static let kvmStealTime = Feature(.leaf40000001_eax, 5)
    /// `kvm-pv-eoi`, CPUID 40000001:EAX[6].
    public static let kvmPvEoi = Feature(.leaf40000001_eax, 6)
    /// `kvmclock-stable-bit`, CPUID 40000001:EAX[24].
    public static let kvmclockStableBit = Feature(.leaf40000001_eax, 24)
    /// `kvm-pv-unhalt`, CPUID 40000001:EAX[7].
    public static let kvmPvUnhalt = Feature(.leaf40000001_eax, 7)
    /// `kvm-hint-dedicated`, CPUID 40000001:EDX[0].
    public static let kvmHintDedicated = Feature(.leaf40000001_edx, 0)

    /// Every constant above with its name in the registry.
    static let wellKnown: [(feature: Feature, name: String)] = [
        (.apic, "apic"),
        (.osxsave, "osxsave"),
        (.monitor, "monitor"),
        (.ospke, "ospke"),
        (.ht, "ht"),
        (.hypervisor, "hypervisor"),
        (.x2apic, "x2apic"),
        (.tscDeadline, "tsc-deadline"),
        (.xsave, "xsave"),
        (.pdcm, "pdcm"),
        (.pcid, "pcid"),
        (.vmx, "vmx"),
        (.mtrr, "mtrr"),
        (.sse, "sse"),
        (.lm, "lm"),
        (.pae, "pae"),
        (.nx, "nx"),
        (.rdtscp, "rdtscp"),
        (.syscall, "syscall"),
        (.cmpLegacy, "cmp-legacy"),
        (.topoext, "topoext"),
        (.svm, "svm"),
        (.perfctrCore, "perfctr-core"),
        (.invtsc, "invtsc"),
        (.avx, "avx"),
        (.avx2, "avx2"),
        (.avx512f, "avx512f"),
        (.fma, "fma"),
        (.f16c, "f16c"),
        (.hle, "hle"),
        (.mpx, "mpx"),
        (.pku, "pku"),
        (.xsaveopt, "xsaveopt"),
        (.xsavec, "xsavec"),
        (.xgetbv1, "xgetbv1"),
        (.xsaves, "xsaves"),
        (.xfd, "xfd"),
        (.cetSs, "cet-ss"),
        (.cetIbt, "cet-ibt"),
        (.archLbr, "arch-lbr"),
        (.uintr, "uintr"),
        (.intelPt, "intel-pt"),
        (.intelPtLip, "intel-pt-lip"),
        (.perfmonV2, "perfmon-v2"),
        (.sgxlc, "sgxlc"),
        (.sgx, "sgx"),
        (.la57, "la57"),
        (.avx10, "avx10"),
        (.apxf, "apxf"),
        (.archCapabilities, "arch-capabilities"),
        (.coreCapability, "core-capability"),
        (.ibrsAll, "ibrs-all"),
        (.tsxControl, "tsx-ctrl"),
        (.taaNo, "taa-no"),
        (.rrsba, "rrsba"),
        (.fred, "fred"),
        (.vmxEPT, "vmx-ept"),
        (.vmxTSCScaling, "vmx-tsc-scaling"),
        (.rtm, "rtm"),
        (.gfni, "gfni"),
        (.pdpe1gb, "pdpe1gb"),
        (.npt, "npt"),
        (.lbrv, "lbrv"),
        (.nripSave, "nrip-save"),
        (.tscScale, "tsc-scale"),
        (.vmcbClean, "vmcb-clean"),
        (.flushbyasid, "flushbyasid"),
        (.pauseFilter, "pause-filter"),
        (.pfthreshold, "pfthreshold"),
        (.vVmsaveVmload, "v-vmsave-vmload"),
        (.vgif, "vgif"),
        (.vnmi, "vnmi"),
        (.svmeAddrChk, "svme-addr-chk"),
        (.erms, "erms"),
        (.fsrm, "fsrm"),
        (.fzrm, "fzrm"),
        (.fsrs, "fsrs"),
        (.fsrc, "fsrc"),
        (.mcdtNo, "mcdt-no"),
        (.overflowRecov, "overflow-recov"),
        (.succor, "succor"),
        (.arat, "arat"),
        (.acpi, "acpi"),
        (.amxTile, "amx-tile"),
        (.amxInt8, "amx-int8"),
        (.amxBf16, "amx-bf16"),
        (.amxFp16, "amx-fp16"),
        (.amxComplex, "amx-complex"),
        (.amxInt8Mirror, "amx-int8-mirror"),
        (.amxBf16Mirror, "amx-bf16-mirror"),
        (.amxComplexMirror, "amx-complex-mirror"),
        (.amxFp16Mirror, "amx-fp16-mirror"),
        (.amxFp8, "amx-fp8"),
        (.amxTf32, "amx-tf32"),
        (.amxAvx512, "amx-avx512"),
        (.amxMovrs, "amx-movrs"),
        (.kvmclock, "kvmclock"),
        (.kvmclock2, "kvmclock2"),
        (.kvmNopiodelay, "kvm-nopiodelay"),
        (.kvmAsyncpf, "kvm-asyncpf"),
        (.kvmStealTime, "kvm-steal-time"),
        (.kvmPvEoi, "kvm-pv-eoi"),
        (.kvmclockStableBit, "kvmclock-stable-bit"),
        (.kvmPvUnhalt, "kvm-pv-unhalt"),
        (.kvmHintDedicated, "kvm-hint-dedicated"),
    ]
}

extension StaticFeature {
    /// `xsave`.
    public static let xsave = StaticFeature(static: .xsave)
    /// `xsaves`.
    public static let xsaves = StaticFeature(static: .xsaves)
    /// `pdpe1gb`.
    public static let pdpe1gb = StaticFeature(static: .pdpe1gb)
    /// `x2apic`.
    public static let x2apic = StaticFeature(static: .x2apic)
    /// `v-vmsave-vmload`.
    public static let vVmsaveVmload = StaticFeature(static: .vVmsaveVmload)
    /// `avx`.
    public static let avx = StaticFeature(static: .avx)
    /// `monitor`.
    public static let monitor = StaticFeature(static: .monitor)
    /// `pcid`.
    public static let pcid = StaticFeature(static: .pcid)
    /// `vmx`.
    public static let vmx = StaticFeature(static: .vmx)
    /// `svm`.
    public static let svm = StaticFeature(static: .svm)
    /// `pku`.
    public static let pku = StaticFeature(static: .pku)
    /// `la57`.
    public static let la57 = StaticFeature(static: .la57)
    /// `cet-ss`.
    public static let cetSs = StaticFeature(static: .cetSs)
    /// `cet-ibt`.
    public static let cetIbt = StaticFeature(static: .cetIbt)
    /// `fsgsbase`, CPUID 7.0:EBX[0].
    public static let fsgsbase = StaticFeature(static: Feature(.leaf7_0_ebx, 0))
    /// `smep`, CPUID 7.0:EBX[7].
    public static let smep = StaticFeature(static: Feature(.leaf7_0_ebx, 7))
    /// `smap`, CPUID 7.0:EBX[20].
    public static let smap = StaticFeature(static: Feature(.leaf7_0_ebx, 20))
    /// `umip`, CPUID 7.0:ECX[2].
    public static let umip = StaticFeature(static: Feature(.leaf7_0_ecx, 2))
    /// `lam`, CPUID 7.1:EAX[26].
    public static let lam = StaticFeature(static: Feature(.leaf7_1_eax, 26))
    /// `lbrv`.
    public static let lbrv = StaticFeature(static: .lbrv)
    /// `nrip-save`.
    public static let nripSave = StaticFeature(static: .nripSave)
    /// `tsc-scale`.
    public static let tscScale = StaticFeature(static: .tscScale)
    /// `pause-filter`.
    public static let pauseFilter = StaticFeature(static: .pauseFilter)
    /// `pfthreshold`.
    public static let pfthreshold = StaticFeature(static: .pfthreshold)
    /// `vgif`.
    public static let vgif = StaticFeature(static: .vgif)
    /// `vnmi`.
    public static let vnmi = StaticFeature(static: .vnmi)
}
