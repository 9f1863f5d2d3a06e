// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Features that belong together, with what they are about and where they are.
struct FeatureFamily {
    /// For example `AMX (0x1e)`.
    let title: String
    /// The features by name, in the order given.
    private(set) var features: [String]

    /// Groups features by family, in the order of their leaves. Names that this program does not know come last: the
    /// daemon may be newer.
    static func grouping(_ names: [String]) -> [FeatureFamily] {
        let registry = FeatureRegistry.shared
        var families: [String: (order: FeatureWord, features: [String])] = [:]
        var unknown: [String] = []
        for name in names {
            guard let word = registry.feature(named: name)?.word else {
                unknown.append(name)
                continue
            }
            let title = title(of: word)
            let order = min(word, families[title]?.order ?? word)
            families[title] = (order, (families[title]?.features ?? []) + [name])
        }
        let known = families.sorted { $0.value.order < $1.value.order }
            .map { FeatureFamily(title: $0.key, features: $0.value.features) }
        return unknown.isEmpty ? known : known + [FeatureFamily(title: "Others", features: unknown)]
    }

    private static func title(of word: FeatureWord) -> String {
        switch word.position {
        case .cpuid(let leaf, _, _): "\(subject(ofLeaf: leaf)) (0x\(String(leaf, radix: 16)))"
        case .msr(0x480...0x491, _): "VMX (MSR 0x480...)"
        case .msr(let index, _): "\(subject(ofMSR: index)) (MSR 0x\(String(index, radix: 16)))"
        }
    }

    private static func subject(ofLeaf leaf: UInt32) -> String {
        switch leaf {
        case 0x1: "Basic"
        case 0x6: "Power"
        case 0x7: "Structured"
        case 0xD: "XSAVE"
        case 0xF: "Resource monitoring"
        case 0x10: "Resource allocation"
        case 0x12: "SGX"
        case 0x14: "Processor trace"
        case 0x1E: "AMX"
        case 0x24: "AVX10"
        case 0x29: "APX"
        case 0x4000_0001: "KVM"
        case 0x8000_0007: "RAS and power"
        case 0x8000_000A: "SVM"
        case 0x8000_001F: "Memory encryption"
        case 0x8000_0020: "Bandwidth"
        case 0x8000_0022: "Performance"
        case 0xC000_0001: "Centaur"
        default: "Extended"
        }
    }

    private static func subject(ofMSR index: UInt32) -> String {
        switch index {
        case 0xCF: "Core capabilities"
        case 0x10A: "Arch capabilities"
        case 0x345: "Perf capabilities"
        default: "Others"
        }
    }
}

extension Page {
    /// Writes features by family.
    mutating func features(_ names: [String]) {
        rows(FeatureFamily.grouping(names).map { Row($0.title, words: $0.features) })
    }
}
