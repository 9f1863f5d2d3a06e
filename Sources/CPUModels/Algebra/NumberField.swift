// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A field of a feature word that is a number, not a row of features: neither its single bits nor their intersection
/// over several CPUs mean anything.
public struct NumberField: Sendable, Hashable {
    /// What a CPU must have for a guest that was told a number.
    public enum Rule: Sendable, Hashable {
        /// At least that number; over a pool the least one holds.
        case minimum
        /// That number; over a pool it holds where all agree, and is 0 where they do not.
        case equal
    }

    /// The word that holds the field.
    public let word: FeatureWord
    /// The field's bits in the word, lowest and highest.
    public let bits: ClosedRange<UInt8>
    /// What a CPU must have for a guest that was told a number.
    public let rule: Rule
    /// The number's name, as it stands in messages.
    public let name: String

    /// All fields (Intel SDM volume 2, CPUID leaf 0x24; volume 3, 20.2.5 and appendix A; volume 4, 0x345).
    public static let all: [NumberField] = [
        NumberField(word: .leaf6_ecx, bits: 8...15, rule: .minimum, name: "the number of thread director classes"),
        NumberField(word: .leaf24_0_ebx, bits: 0...7, rule: .minimum, name: "the AVX10 version"),
        NumberField(word: .perfCapabilities, bits: 0...5, rule: .equal, name: "the LBR format"),
        NumberField(word: .perfCapabilities, bits: 8...11, rule: .minimum, name: "the PEBS record format"),
        NumberField(word: .vmxBasic, bits: 0...31, rule: .equal, name: "the VMCS revision"),
        NumberField(word: .vmxBasic, bits: 32...44, rule: .equal, name: "the VMCS size"),
        NumberField(word: .vmxBasic, bits: 50...53, rule: .equal, name: "the VMCS memory type"),
        NumberField(word: .vmxMisc, bits: 0...4, rule: .equal, name: "the VMX preemption timer's rate"),
        NumberField(word: .vmxMisc, bits: 16...24, rule: .minimum, name: "the number of CR3 targets"),
        NumberField(word: .vmxMisc, bits: 25...27, rule: .minimum, name: "the most MSRs in a VMX list"),
        NumberField(word: .vmxMisc, bits: 32...63, rule: .equal, name: "the MSEG revision"),
    ]

    /// The bits of all fields.
    static let allBits: FeatureSet = all.reduce(into: []) { $0[$1.word] |= $1.mask }

    /// The field's bits as a mask of its word.
    var mask: UInt64 { (UInt64.max >> UInt64(63 - (bits.upperBound - bits.lowerBound))) << UInt64(bits.lowerBound) }

    /// The field's number in these words.
    public func value(in words: FeatureSet) -> UInt64 { (words[word] & mask) >> UInt64(bits.lowerBound) }

    /// Whether a guest with one number can run where there is the other. A guest that has no number asks for none.
    func serves(guest: UInt64, host: UInt64) -> Bool {
        switch rule {
        case .minimum: guest <= host
        case .equal: guest == 0 || guest == host
        }
    }

    /// Of the numbers of one CPU, keeps what holds for another, too.
    static func keepCommon(of numbers: inout FeatureSet, and other: FeatureSet) {
        // As with nearly all of a kind.
        if numbers == other { return }
        var common = FeatureSet()
        for field in all {
            let (a, b) = (numbers[field.word] & field.mask, other[field.word] & field.mask)
            switch field.rule {
            case .minimum: common[field.word] |= min(a, b)
            case .equal: common[field.word] |= a == b ? a : 0
            }
        }
        numbers = common
    }
}
