// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// Whether a guest can run on hosts, why not, and the least that would have to change.
///
/// A guest needs what it was told: every feature, at least the numbers and widths, and of a table that was taken from a
/// host as it is also the leaves. Statements to the guest (see `AssertionFeatures.swift`) are the other way round: it
/// may have been told of what does not hold here, and what does hold here it should have been told. Whether that is
/// worse than before only the host that it comes from can tell.
public struct MigrationCheck: Sendable, Hashable {
    /// What is to be said of one host.
    public struct Answer: Sendable, Hashable {
        /// The host's name.
        public let host: String
        /// Why the guest cannot run there; by kind, features by word and bit. None when it can.
        public let obstacles: [MigrationObstacle]
        /// What should be known before it does.
        public let cautions: [MigrationCaution]

        /// Whether the guest can run there.
        public var isPossible: Bool { obstacles.isEmpty }
    }

    /// The answer for each host, in their order.
    public let answers: [Answer]
    /// The features without which the guest could run on all hosts, those that fall with others too. Empty when it can
    /// already, and when more than features stands in the way.
    public let toDrop: FeatureSet
    /// Whether dropping features is enough.
    public let droppingHelps: Bool
    /// The model of the guest's vendor with the most features that runs on all hosts, and of several such the newest;
    /// nil when there is none, or no detector was given.
    public let fittingModel: CPUModelVersion?

    /// Whether the guest can run on every host, and there is one.
    public var isPossible: Bool { !answers.isEmpty && answers.allSatisfy(\.isPossible) }

    /// Checks a guest on hosts.
    ///
    /// - Parameters:
    ///   - guest: What the guest was told: an expanded model, or its table.
    ///   - source: The host that it comes from, when it is running. What stays as it was there is no obstacle.
    ///   - hosts: Where it is to run.
    ///   - detector: The models to find a fitting one in.
    public init(
        _ guest: CPUDescription, from source: CPUDescription? = nil, onto hosts: [CPUDescription],
        models detector: ModelDetector? = nil
    ) {
        let answers = hosts.map { Self.answer(guest, source, $0) }
        self.answers = answers

        // What each host has, and the statements, which any guest may come with.
        let common = hosts.reduce(guest.features) { common, host in
            common.intersection(host.receivable.union(host.toleratedUntold))
        }
        let kept = FeatureRegistry.shared.dependencies.closing(
            guest.features.intersection(common), host: guest.features
        ).kept
        let obstacles = answers.flatMap(\.obstacles)
        droppingHelps = obstacles.allSatisfy(\.isMissingFeature)
        toDrop = droppingHelps ? guest.features.subtracting(kept) : []

        guard let detector, !hosts.isEmpty else {
            fittingModel = nil
            return
        }
        let pool = hosts.dropFirst().reduce(hosts[0].features) { $0.intersection($1.features) }
        let isOneVendor = hosts.allSatisfy { $0.vendor == nil || guest.vendor == nil || $0.vendor == guest.vendor }
        fittingModel =
            isOneVendor
            ? detector.versions(of: guest.vendor ?? hosts[0].vendor, fitting: pool.union(.assertions)).first : nil
    }
}

extension MigrationCheck {
    private static func answer(
        _ guest: CPUDescription, _ source: CPUDescription?, _ host: CPUDescription
    ) -> Answer {
        var obstacles: [MigrationObstacle] = []
        if let vendor = guest.vendor, let other = host.vendor, vendor != other {
            obstacles.append(.vendor(guest: vendor, host: other))
        }
        let missing = guest.features.subtracting(host.receivable)
        for feature in missing.subtracting(host.toleratedUntold) {
            obstacles.append(.feature(feature, host.cause(of: feature)))
        }
        if let source { obstacles += changes(guest, source, host) }
        for field in NumberField.all {
            let (wanted, given) = (field.value(in: guest.numbers), field.value(in: host.numbers))
            if !field.serves(guest: wanted, host: given) {
                obstacles.append(.number(field, guest: wanted, host: given))
            }
        }
        if guest.origin != .model {
            if let level = guest.level, let limit = host.level, level > limit {
                obstacles.append(.level(.basic, guest: level, host: limit))
            }
            if let level = guest.extendedLevel, let limit = host.extendedLevel, level > limit {
                obstacles.append(.level(.extended, guest: level, host: limit))
            }
            for leaf in CPUDescription.countedLeaves {
                guard let count = guest.subleafLimits[leaf], let limit = host.subleafLimits[leaf] else { continue }
                if count > limit { obstacles.append(.subleafLimit(leaf: leaf, guest: count, host: limit)) }
            }
        }
        if let bits = guest.physicalAddressBits, let limit = host.physicalAddressBits, bits > limit {
            obstacles.append(.physicalAddressBits(guest: bits, host: limit))
        }
        if let bits = guest.linearAddressBits, let limit = host.linearAddressBits, bits > limit {
            obstacles.append(.linearAddressBits(guest: bits, host: limit))
        }
        return Answer(host: host.name, obstacles: obstacles, cautions: cautions(guest, source, host))
    }

    /// What must stay as it was while a guest that can see it runs (Cloud Hypervisor's rules for
    /// IA32_ARCH_CAPABILITIES): that RSB underflow is harmless, the bits that nobody has a name for, whose meaning nobody
    /// knows, and that VERW clears what it is said to clear.
    private static func changes(
        _ guest: CPUDescription, _ source: CPUDescription, _ host: CPUDescription
    ) -> [MigrationObstacle] {
        let unprotected = BufferClearing.ineffective(guest, host).intersection(source.features)
        let obstacles = unprotected.map { MigrationObstacle.unprotected($0) }
        guard guest.features.contains(.archCapabilities) else { return obstacles }
        let nameless = FeatureSet(.archCapabilities, mask: ~FeatureRegistry.shared.named[.archCapabilities])
        let watched = nameless.union(.alternateRSB)
        let changed = host.features.intersection(watched).subtracting(source.features).subtracting(guest.features)
        return changed.map { .changed($0) } + obstacles
    }

    private static func cautions(
        _ guest: CPUDescription, _ source: CPUDescription?, _ host: CPUDescription
    ) -> [MigrationCaution] {
        let unprotected = BufferClearing.ineffective(guest, host).subtracting(source?.features ?? [])
        var cautions = unprotected.map { MigrationCaution.ineffective($0) }
        let seen = guest.features.contains(.archCapabilities) ? FeatureSet() : FeatureSet.allArchCapabilities
        let told = FeatureRegistry.shared.accumulated.union(.alternateRSB).subtracting(seen)
        cautions += host.features.intersection(told).subtracting(guest.features).map { .notTold($0) }
        if let source {
            let lost = host.features.intersection(.inverse).subtracting(source.features).subtracting(guest.features)
            cautions += lost.map { .lost($0) }
        }
        return cautions
    }
}

/// A feature by which VERW clears buffers, and what a CPU says that does not need it.
private struct BufferClearing: Sendable {
    let feature: FeatureSet
    let immunity: FeatureSet

    /// md-clear with MDS_NO and TAA_NO; fb-clear with SBDR_SSDP_NO, FBSDP_NO and PSDP_NO beside (Linux,
    /// `kvm_get_arch_capabilities`; Cloud Hypervisor's exception); rfds-clear with RFDS_NO; verw-clear with TSA_SQ_NO
    /// and TSA_L1_NO.
    static let all: [BufferClearing] = [
        BufferClearing(
            feature: FeatureSet(.leaf7_0_edx, mask: 1 << 10),
            immunity: FeatureSet(.archCapabilities, mask: 1 << 5 | 1 << 8)),
        BufferClearing(
            feature: FeatureSet(.archCapabilities, mask: 1 << 17),
            immunity: FeatureSet(.archCapabilities, mask: 1 << 5 | 1 << 8 | 1 << 13 | 1 << 14 | 1 << 15)),
        BufferClearing(
            feature: FeatureSet(.archCapabilities, mask: 1 << 28),
            immunity: FeatureSet(.archCapabilities, mask: 1 << 27)),
        BufferClearing(
            feature: FeatureSet(.leaf80000021_eax, mask: 1 << 5),
            immunity: FeatureSet(.leaf80000021_ecx, mask: 1 << 1 | 1 << 2)),
    ]

    /// What the guest relies on, and the host neither does nor says that it does not need.
    static func ineffective(_ guest: CPUDescription, _ host: CPUDescription) -> FeatureSet {
        all.reduce(into: FeatureSet()) { found, buffer in
            guard guest.features.intersects(buffer.feature), !host.features.intersects(buffer.feature) else { return }
            if !buffer.immunity.isSubset(of: host.features) { found = found.union(buffer.feature) }
        }
    }
}

extension FeatureSet {
    fileprivate static let allArchCapabilities = FeatureSet(.archCapabilities, mask: .max)

    fileprivate static let paravirtual = FeatureSet(
        .leaf40000001_eax, mask: FeatureWord.leaf40000001_eax.allBits
    ).union(FeatureSet(.leaf40000001_edx, mask: FeatureWord.leaf40000001_edx.allBits))
}

extension MigrationObstacle {
    /// Whether it goes when the guest does without a feature.
    fileprivate var isMissingFeature: Bool {
        if case .feature = self { true } else { false }
    }
}

extension CPUDescription {
    /// What the host does not tell and every host can be taken to have: KVM's own leaf, which is no part of a dump of a
    /// machine's CPUID.
    fileprivate var toleratedUntold: FeatureSet {
        guard untold[.leaf40000001_eax] != 0 else { return [] }
        return .paravirtual
    }

    fileprivate func cause(of feature: Feature) -> MigrationObstacle.Cause {
        if untold.contains(feature) { return .untold }
        return hidden.contains(feature) ? .hidden : .lacking
    }
}
