// SPDX-License-Identifier: Apache-2.0

extension Feature {
    /// The feature at a position as ``description`` writes it, for example `CPUID.7.0:EBX[16]` or `MSR 0x10A[8]`.
    ///
    /// A file that lists features separated by spaces may write `MSR.0x10A[8]`.
    public init?(position text: String) {
        let text = text.uppercased()
        guard text.hasSuffix("]"), let bracket = text.lastIndex(of: "[") else { return nil }
        guard let bit = UInt8(text[text.index(after: bracket)...].dropLast()) else { return nil }
        let place = text[..<bracket]
        if place.hasPrefix("CPUID.") {
            self.init(cpuid: place.dropFirst(6), bit: bit)
        } else if place.hasPrefix("MSR 0X") || place.hasPrefix("MSR.0X") {
            self.init(msr: place.dropFirst(6), bit: bit)
        } else {
            return nil
        }
    }

    private init?(cpuid place: Substring, bit: UInt8) {
        let parts = place.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let numbers = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count <= 2, let leaf = numbers.first.flatMap({ UInt32($0, radix: 16) }) else { return nil }
        guard let register = CPUIDRegister.allCases.first(where: { $0.description == parts[1].lowercased() })
        else { return nil }
        let subleaf: UInt32? = numbers.count == 2 ? UInt32(numbers[1]) : 0
        guard let subleaf, let word = FeatureWord(leaf: leaf, subleaf: subleaf, register: register) else { return nil }
        self.init(word, bit: bit)
    }

    private init?(msr place: Substring, bit: UInt8) {
        guard let index = UInt32(place, radix: 16) else { return nil }
        if let word = FeatureWord(.msr(index: index, allowedOne: false)) {
            self.init(word, bit: bit)
        } else if bit >= 32, let word = FeatureWord(.msr(index: index, allowedOne: true)) {
            self.init(word, bit: bit - 32)
        } else {
            return nil
        }
    }
}
