// SPDX-License-Identifier: Apache-2.0

import X86CPU

extension CPUModel {
    /// The hash behind ``digest``: of the values, so that neither comments nor the order of lines show.
    static func digest(name: String, versions: [CPUModelVersion], note: String?) -> String {
        var content = DigestContent()
        content.add(name)
        content.add(note)
        for version in versions { content.add(version) }
        return SHA256.hex(content.bytes)
    }
}

/// Values as bytes that no two different values share.
private struct DigestContent {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ version: CPUModelVersion) {
        add(UInt64(version.number))
        for text in [version.alias, version.note, version.deprecation, version.replacement, version.description] {
            add(text)
        }
        add(version.takesHostVendor ? nil : version.vendor.description)
        for number in [
            version.signature.eax, version.level, version.extendedLevel, UInt32(version.avx10Version),
            version.forcesLeaf1F ? 1 : 0,
        ] {
            add(UInt64(number))
        }
        let words = FeatureWord.allCases.filter { version.features[$0] != 0 }
        add(UInt64(words.count))
        for word in words {
            // By position, since the raw values of words may change from one release to the next.
            switch word.position {
            case .cpuid(let leaf, let subleaf, let register):
                add(UInt64(leaf) << 32 | UInt64(subleaf.index) << 8 | UInt64(register.digestNumber))
            case .msr(let index, let allowedOne):
                add(UInt64(index) << 8 | (allowedOne ? 0xF1 : 0xF0))
            }
            add(version.features[word])
        }
        for cache in version.caches?.all ?? [] { add(cache) }
        add(UInt64.max)
    }

    private mutating func add(_ cache: Cache) {
        for number in [
            UInt32(cache.kind.rawValue), UInt32(cache.level), cache.size, cache.lineSize, cache.ways, cache.partitions,
            cache.sets, UInt32(cache.linesPerTag),
        ] {
            add(UInt64(number))
        }
        let flags = [
            cache.isSelfInitializing, cache.invalidatesNoSharers, cache.isInclusive, cache.hasComplexIndexing,
        ]
        add(flags.reduce(0) { $0 << 1 | ($1 ? 1 : 0) })
        add(cache.scope.rawValue)
    }

    mutating func add(_ text: String?) {
        guard let text else { return add(UInt64.max) }
        add(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func add(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }
}

extension CPUIDRegister {
    fileprivate var digestNumber: UInt8 {
        switch self {
        case .eax: 0
        case .ebx: 1
        case .ecx: 2
        case .edx: 3
        }
    }
}
