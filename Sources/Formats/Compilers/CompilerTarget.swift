// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What a compiler may be told of a CPU: `-march` of GCC and Clang.
public struct CompilerTarget: Sendable, Hashable {
    /// The level of the psABI; nil for a CPU without 64-bit mode.
    public let level: PSABILevel?
    /// The most capable microarchitecture by name of which the CPU has every feature that the compilers use; nil where
    /// there is none beyond the level.
    public let microarchitecture: String?

    /// The target for a guest with these features.
    public init(features: FeatureSet, vendor: CPUVendor) {
        level = PSABILevel(features)
        let known = vendor.isAMDLike ? Self.amd : Self.intel
        var needed = FeatureSet()
        var best: String?
        for (name, base, added) in known {
            // Lines that branch off say from where; the others go on from the line before.
            if let base { needed = Self.needs(base, known) }
            needed = needed.union(FeatureSet(named: added))
            if needed.isSubset(of: features) { best = name }
        }
        microarchitecture = best
    }

    /// The value for `-march`: the microarchitecture, or else the level.
    public var march: String? { microarchitecture ?? level?.march }

    private typealias Line = (name: String, base: String?, added: String)

    private static func needs(_ name: String, _ lines: [Line]) -> FeatureSet {
        guard let line = lines.first(where: { $0.name == name }) else { return [] }
        let position = lines.firstIndex { $0.name == name } ?? 0
        let below = line.base ?? (position > 0 ? lines[position - 1].name : nil)
        return (below.map { needs($0, lines) } ?? []).union(FeatureSet(named: line.added))
    }

    /// GCC 14, "x86 Options": what each adds to the one before. Left out is what compilers never emit by themselves and
    /// many guests lack: forms of XSAVE beyond the first, CLFLUSHOPT, WBNOINVD, TSXLDTRK.
    private static let intel: [Line] = [
        ("core2", nil, "lm cmov cx8 fpu fxsr mmx sse sse2 pni ssse3 cx16 lahf-lm"),
        ("nehalem", nil, "sse4.1 sse4.2 popcnt"),
        ("westmere", nil, "pclmulqdq"),
        ("sandybridge", nil, "avx xsave"),
        ("ivybridge", nil, "fsgsbase rdrand f16c"),
        ("haswell", nil, "avx2 bmi1 bmi2 abm fma movbe"),
        ("broadwell", nil, "rdseed adx 3dnowprefetch"),
        ("skylake", nil, "aes"),
        ("skylake-avx512", nil, "pku clwb avx512f avx512vl avx512bw avx512dq avx512cd"),
        ("cascadelake", nil, "avx512vnni"),
        ("cooperlake", nil, "avx512-bf16"),
        (
            "icelake-server", "cascadelake",
            "avx512vbmi avx512ifma sha-ni avx512vbmi2 avx512bitalg avx512-vpopcntdq vaes vpclmulqdq gfni rdpid"
        ),
        (
            "sapphirerapids", nil,
            "avx512-bf16 avx512-fp16 avx-vnni amx-tile amx-int8 amx-bf16 movdiri movdir64b cldemote serialize "
                + "waitpkg"
        ),
        ("graniterapids", nil, "amx-fp16 prefetchiti"),
        (
            "sierraforest", "skylake",
            "pku clwb sha-ni gfni vaes vpclmulqdq rdpid movdiri movdir64b cldemote serialize waitpkg avx-vnni avx-ifma "
                + "avx-vnni-int8 avx-ne-convert cmpccxadd"
        ),
    ]

    private static let amd: [Line] = [
        ("k8", nil, "lm cmov cx8 fpu fxsr mmx sse sse2"),
        ("amdfam10", nil, "pni cx16 lahf-lm abm popcnt sse4a"),
        ("bdver1", nil, "ssse3 sse4.1 sse4.2 aes pclmulqdq avx xsave fma4 xop"),
        ("bdver2", nil, "bmi1 f16c fma tbm"),
        (
            "znver1", "amdfam10",
            "ssse3 sse4.1 sse4.2 aes pclmulqdq avx avx2 bmi1 bmi2 f16c fma fsgsbase movbe rdrand rdseed adx sha-ni "
                + "xsave clzero 3dnowprefetch"
        ),
        ("znver2", nil, "clwb rdpid"),
        ("znver3", nil, "vaes vpclmulqdq pku"),
        (
            "znver4", nil,
            "avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512-bf16 avx512vbmi avx512vbmi2 gfni avx512vnni "
                + "avx512bitalg avx512-vpopcntdq"
        ),
        ("znver5", nil, "avx-vnni movdiri movdir64b avx512-vp2intersect prefetchi"),
    ]
}
