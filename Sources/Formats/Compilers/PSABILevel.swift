// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A level of the x86-64 psABI: what a program compiled with `-march=x86-64-vN` may use.
///
/// x86-64 psABI, section 3.1.1, "Processor Architecture".
public enum PSABILevel: Int, Sendable, Hashable, CaseIterable, Comparable, CustomStringConvertible {
    case v1 = 1
    case v2, v3, v4

    /// The highest level whose features, and those of the levels below, are all there; nil where even the baseline of
    /// x86-64 is not.
    ///
    /// OSFXSR and OSXSAVE, which the psABI lists, are the operating system's doing: the CPU's part is fxsr and xsave.
    /// SYSCALL follows from lm: every CPU with 64-bit mode has it there, and Intel's show its bit in that mode only
    /// (SDM volume 2, CPUID leaf 0x80000001), so that dumps made by 32-bit programs lack it.
    public init?(_ features: FeatureSet) {
        let reached = Self.allCases.prefix { $0.features.isSubset(of: features) }
        guard let level = reached.last else { return nil }
        self = level
    }

    /// The features that the level adds to the one below.
    public var features: FeatureSet {
        switch self {
        case .v1: FeatureSet(named: "lm cmov cx8 fpu fxsr mmx sse sse2")
        case .v2: FeatureSet(named: "cx16 lahf-lm popcnt pni sse4.1 sse4.2 ssse3")
        case .v3: FeatureSet(named: "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave")
        case .v4: FeatureSet(named: "avx512f avx512bw avx512cd avx512dq avx512vl")
        }
    }

    /// The name that compilers take: `x86-64` for the first, `x86-64-v2` and so on.
    public var march: String { self == .v1 ? "x86-64" : "x86-64-v\(rawValue)" }

    /// The level's name, `x86-64-v1` to `x86-64-v4`.
    public var description: String { "x86-64-v\(rawValue)" }

    /// By number.
    public static func < (left: PSABILevel, right: PSABILevel) -> Bool { left.rawValue < right.rawValue }
}
