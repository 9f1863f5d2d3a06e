// SPDX-License-Identifier: Apache-2.0

/// One feature: a bit of a ``FeatureWord``.
///
/// Names, aliases and dependencies of features are in the ``FeatureRegistry``; a feature without a name there is still
/// a feature, written by its position.
public struct Feature: Sendable, Hashable {
    /// The word that holds the bit.
    public let word: FeatureWord
    /// The bit's number in the word: 0...31, or 0...63 in an MSR.
    public let bit: UInt8

    /// The feature at a bit of a word; nil when the word has no such bit.
    public init?(_ word: FeatureWord, bit: UInt8) {
        guard bit < word.bitCount else { return nil }
        self.init(word, bit)
    }

    /// A feature known to be in range: the named constants, and bits taken from a word itself.
    init(_ word: FeatureWord, _ bit: UInt8) {
        self.word = word
        self.bit = bit
    }

    /// The bit as a mask of its word.
    public var mask: UInt64 { 1 << UInt64(bit) }
}

extension Feature: Comparable {
    /// By word, then by bit.
    public static func < (left: Feature, right: Feature) -> Bool {
        (left.word, left.bit) < (right.word, right.bit)
    }
}

extension Feature: CustomStringConvertible {
    /// The position as the vendors' manuals write it, for example `CPUID.7.0:EBX[16]` or `MSR 0x10A[8]`.
    public var description: String {
        switch word.position {
        case .cpuid(let leaf, .any, let register):
            "CPUID.\(hex(leaf)):\(register.description.uppercased())[\(bit)]"
        case .cpuid(let leaf, .exact(let subleaf), let register):
            "CPUID.\(hex(leaf)).\(subleaf):\(register.description.uppercased())[\(bit)]"
        case .msr(let index, let allowedOne):
            "MSR 0x\(hex(index))[\(allowedOne ? bit + 32 : bit)]"
        }
    }

    private func hex(_ value: UInt32) -> String { String(value, radix: 16, uppercase: true) }
}

/// A feature whose CPUID bit KVM changes while the guest runs, so that it can be answered only from vCPU state.
///
/// A model never stores these (Linux, `kvm_update_cpuid_runtime`).
public enum RuntimeFeature: Sendable, Hashable, CaseIterable {
    /// 1.EDX[9], mirrors IA32_APIC_BASE[11].
    case apic
    /// 1.ECX[27], mirrors CR4[18].
    case osxsave
    /// 1.ECX[3], mirrors IA32_MISC_ENABLE[18] when the quirk MISC_ENABLE_NO_MWAIT is off.
    case mwait
    /// 7.0.ECX[4], mirrors CR4[22].
    case ospke

    /// The feature's place in CPUID.
    public var feature: Feature {
        switch self {
        case .apic: .apic
        case .osxsave: .osxsave
        case .mwait: .monitor
        case .ospke: .ospke
        }
    }

    /// The runtime feature at that place, if it is one.
    public init?(_ feature: Feature) {
        guard let match = Self.allCases.first(where: { $0.feature == feature }) else { return nil }
        self = match
    }
}

/// A feature that stays as it was when the vCPU got its table, and can be asked of its capabilities.
public struct StaticFeature: Sendable, Hashable {
    /// The feature's place.
    public let feature: Feature

    /// The static feature at that place; nil for a ``RuntimeFeature``.
    ///
    /// MWAIT counts as static too, as it does in the kernel: its runtime update is off by default.
    public init?(_ feature: Feature) {
        if let runtime = RuntimeFeature(feature), runtime != .mwait { return nil }
        self.feature = feature
    }

    init(static feature: Feature) { self.feature = feature }
}
