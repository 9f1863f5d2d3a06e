// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// One way in which what KVM holds differs from what was asked of it.
public struct TableDifference: Sendable, Hashable {
    /// Where the difference is.
    public enum Place: Sendable, Hashable {
        /// A register of an entry.
        case register(leaf: UInt32, subleaf: UInt32, CPUIDRegister)
        /// A whole entry.
        case entry(leaf: UInt32, subleaf: UInt32)
        /// An MSR.
        case msr(UInt32)
    }

    /// What KVM did.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The entry is gone.
        case droppedLeaf
        /// An entry that nobody asked for.
        case addedLeaf
        /// Feature bits that are on and should be off.
        case forcedOn
        /// Feature bits that are off and should be on.
        case forcedOff
        /// A field that is no set of features.
        case valueChanged
        /// Bits that KVM keeps up to date from vCPU state, and that are as that state makes them, as far as it is
        /// known.
        case runtime
    }

    /// Where the difference is.
    public let place: Place
    /// What KVM did.
    public let kind: Kind
    /// The register or MSR as asked for; 0 for a whole entry. Where KVM keeps bits of it up to date and they are not
    /// as they should be, it has them as they should be.
    public let want: UInt64
    /// The register or MSR as read back; 0 for a whole entry.
    public let got: UInt64
    /// The bits this difference is about: those of ``want`` and ``got`` that differ and fall into its kind.
    public let bits: UInt64
    /// What would have to be known of the vCPU to say whether these runtime bits are as they should be; empty where
    /// they are.
    public let missing: [VCPUStateSource]

    /// A difference from its parts.
    public init(
        _ place: Place, _ kind: Kind, want: UInt64 = 0, got: UInt64 = 0, bits: UInt64 = 0,
        missing: [VCPUStateSource] = []
    ) {
        self.place = place
        self.kind = kind
        self.want = want
        self.got = got
        self.bits = bits
        self.missing = missing
    }

    /// The features among the bits, in order.
    public var features: [Feature] {
        guard let word else { return [] }
        var set = FeatureSet()
        set[word] = bits
        return Array(set)
    }

    /// Whether the difference is in bits that KVM keeps up to date, which are not as the state that was supposed makes
    /// them: the vCPU may be in another.
    public var contradictsState: Bool {
        guard kind != .runtime, case .register(let leaf, let subleaf, let register) = place else { return false }
        return bits & UInt64(RuntimeBits.mask(leaf: leaf, subleaf: subleaf, register: register)) != 0
    }

    private var word: FeatureWord? {
        switch place {
        case .register(let leaf, let subleaf, let register):
            FeatureWord(leaf: leaf, subleaf: subleaf, register: register)
        case .entry: nil
        case .msr(let index): FeatureWord(.msr(index: index, allowedOne: false))
        }
    }
}
