// SPDX-License-Identifier: Apache-2.0

public import X86CPU

extension CPUDescription {
    /// A version of a model as its file defines it. It tells no address widths: those are the VM's. One that takes the
    /// host's vendor has none.
    public init(_ version: CPUModelVersion) {
        self.init(
            name: version.name, origin: .model, vendor: version.takesHostVendor ? nil : version.vendor,
            signature: version.signature, features: version.features, level: version.level,
            extendedLevel: version.extendedLevel)
        numbers[.leaf24_0_ebx] = UInt64(version.avx10Version)
    }

    /// The guest of an expanded model: what it is really given, with KVM's defaults and without what lies idle.
    public init(_ model: ExpandedModel) {
        self.init(
            name: model.expression, origin: .model, vendor: model.vendor, signature: model.signature,
            features: model.features, level: model.level, extendedLevel: model.extendedLevel)
        numbers[.leaf24_0_ebx] = UInt64(model.avx10Version)
    }

    /// What a host's KVM offers to guests.
    public init(_ host: HostCPU, name: String) {
        var msrs = host.featureMSRs
        if host.identity.vendor.isAMDLike {
            // KVM emulates it everywhere; ``HostCPU/grantable`` says why guests of these CPUs do not have it.
            msrs[0x10A] = 0
        }
        let tellsKVM = host.supported[0x4000_0001] != nil
        self.init(
            name: name, origin: .host, vendor: host.identity.vendor, signature: host.identity.signature,
            features: host.grantable,
            untold: Self.untold(msrs: msrs, enumeratedBy: host.grantable, tellsKVM: tellsKVM),
            level: host.supported.value(0, 0, .eax), extendedLevel: host.supported.value(0x8000_0000, 0, .eax),
            physicalAddressBits: host.physicalAddressBits,
            linearAddressBits: Self.linearAddressBits(host.supported))
        subleafLimits = Self.subleafLimits(host.supported)
        if !host.native.entries.isEmpty {
            hidden = CPUDescription(host.native, name: name).features.subtracting(features)
        }
    }

    /// A CPUID table as it was found, with the feature MSRs that were found beside it.
    public init(_ table: CPUIDTable, msrs: [UInt32: UInt64] = [:], name: String) {
        let features = FeatureSet(table: table, msrs: msrs)
        let signature = table[1].map { CPUSignature(eax: $0.eax) }
        let widths = table[0x8000_0008]?.eax ?? 0
        self.init(
            name: name, origin: .table, vendor: CPUVendor(table: table), signature: signature, features: features,
            untold: Self.untold(
                msrs: msrs, enumeratedBy: features, tellsKVM: table[0x4000_0001] != nil),
            level: table[0]?.eax, extendedLevel: table[0x8000_0000]?.eax,
            physicalAddressBits: widths & 0xFF == 0 ? nil : UInt8(truncatingIfNeeded: widths),
            linearAddressBits: Self.linearAddressBits(table))
        subleafLimits = Self.subleafLimits(table)
    }

    private static func subleafLimits(_ table: CPUIDTable) -> [UInt32: UInt32] {
        var limits: [UInt32: UInt32] = [:]
        for leaf in countedLeaves { limits[leaf] = table.value(leaf, 0, .eax) }
        return limits
    }

    private static func linearAddressBits(_ table: CPUIDTable) -> UInt8? {
        let bits = UInt8(truncatingIfNeeded: table.value(0x8000_0008, 0, .eax) >> 8)
        return bits == 0 ? nil : bits
    }

    /// The words that nobody told: MSRs that are not listed although the CPU has them, and KVM's own leaf, which is no
    /// part of a machine's CPUID.
    private static func untold(
        msrs: [UInt32: UInt64], enumeratedBy features: FeatureSet, tellsKVM: Bool
    ) -> FeatureSet {
        var untold = FeatureSet()
        for word in FeatureWord.msrWords where msrs[word.index] == nil && features.contains(word.enumerator) {
            untold[word.word] = word.word.allBits
        }
        if !tellsKVM {
            untold[.leaf40000001_eax] = FeatureWord.leaf40000001_eax.allBits
            untold[.leaf40000001_edx] = FeatureWord.leaf40000001_edx.allBits
        }
        return untold
    }
}

extension FeatureWord {
    /// Every bit of the word.
    var allBits: UInt64 { bitCount == 64 ? .max : 1 << UInt64(bitCount) - 1 }

    /// A feature MSR and the CPUID bit without which the MSR does not exist.
    struct MSRWord: Sendable {
        let word: FeatureWord
        let index: UInt32
        let enumerator: Feature
    }

    /// The words that are MSRs.
    static let msrWords: [MSRWord] = allCases.compactMap { word in
        guard case .msr(let index, _) = word.position else { return nil }
        let enumerator: Feature =
            switch index {
            case 0xCF: .coreCapability
            case 0x10A: .archCapabilities
            case 0x345: .pdcm
            default: .vmx
            }
        return MSRWord(word: word, index: index, enumerator: enumerator)
    }
}
