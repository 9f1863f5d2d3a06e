// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Which of a model's features a guest gets, when its topology and its owner's options have had their say.
struct FeatureSelection {
    /// The guest's features.
    private(set) var features: FeatureSet
    /// Those of the model's that it does not get, with the reasons.
    private(set) var withheld: [UnavailableFeature] = []

    init(_ model: ExpandedModel, host: HostCPU, topology: Topology, options: GuestCPU.Options) {
        features = model.features
        withhold(Self.notVirtualized, .notComputed)
        if !options.hasPMU { withhold(Self.pmu, .needsOption("pmu")) }
        if options.enclavePageCache.isEmpty { withhold(Self.sgx, .needsOption("enclavePageCache")) }
        if !ProcessorTraceLeaf.isPossible(on: host) { withhold([.intelPt, .intelPtLip], .notOffered) }
        if host.supported.value(0x1C, 0, .eax) == 0 { withhold([.archLbr], .notOffered) }
        if !PerfCapabilities.isPossible(on: host) { withhold([.pdcm], .notOffered) }
        if !options.exposesKVM { hideKVM() }
        if let level = options.level { withhold(beyond: level, in: 0..<0x4000_0000) }
        if let level = options.extendedLevel { withhold(beyond: level, in: 0x8000_0000..<0xC000_0000) }
        TopologyFeatures.decide(&features, topology: topology, vendor: model.vendor)
    }

    private mutating func withhold(_ candidates: FeatureSet, _ reason: UnavailableFeature.Reason) {
        let found = features.intersection(candidates)
        guard !found.isEmpty else { return }
        features = features.subtracting(found)
        withheld += found.map { UnavailableFeature(feature: $0, reason: reason) }
    }

    /// A guest that is not to see KVM is told of none of its features; that is no loss, but what was asked for.
    private mutating func hideKVM() {
        features[.leaf40000001_eax] = 0
        features[.leaf40000001_edx] = 0
    }

    private mutating func withhold(beyond level: UInt32, in range: Range<UInt32>) {
        var unreachable = FeatureSet()
        for word in FeatureWord.allCases {
            guard case .cpuid(let leaf, _, _) = word.position, range.contains(leaf), leaf > level else { continue }
            unreachable[word] = .max
        }
        withhold(unreachable, .beyondLevel(level))
    }

    /// What belongs to a PMU: its MSRs, the second version of AMD's, and architectural last branch records.
    static let pmu: FeatureSet = [.pdcm, .perfmonV2, .archLbr]

    private static let sgx: FeatureSet = {
        var set: FeatureSet = [.sgx, .sgxlc]
        for word in [FeatureWord.leaf12_0_eax, .leaf12_0_ebx, .leaf12_1_eax] { set[word] = 0xFFFF_FFFF }
        return set
    }()

    /// What KVM virtualises for nobody, so that its bits alone would promise what a guest then does not find: resource
    /// director (0xF, 0x10, 0x80000020), thermal management beyond ARAT, memory encryption, which is decided when a VM
    /// is launched, and IA32_CORE_CAPABILITIES.
    private static let notVirtualized: FeatureSet = {
        var set: FeatureSet = [.coreCapability]
        let words: [FeatureWord] = [
            .leafF_0_edx, .leafF_1_edx, .leaf10_0_ebx, .leaf10_1_ecx, .leaf10_2_ecx, .leaf10_3_ecx, .leaf80000020_ebx,
            .leaf8000001F_eax, .leaf6_ecx,
        ]
        for word in words { set[word] = 0xFFFF_FFFF }
        set[.leaf6_eax] = ~Feature.arat.mask & 0xFFFF_FFFF
        return set
    }()
}
