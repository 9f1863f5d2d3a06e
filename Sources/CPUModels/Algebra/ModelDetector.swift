// SPDX-License-Identifier: Apache-2.0

internal import X86CPU

/// Finds the model that a CPU is nearest to.
///
/// The order of merit, each point only where those before it are equal:
/// 1. the vendor is the CPU's;
/// 2. to describe a host: nothing has to be taken out;
/// 3. it is the one name preferred;
/// 4. the signature is of the CPU's design, and the CPU has most of what the model has: a CPU's name tells where it
///    comes from, unless so much is switched off that the name would mislead. Names that users are advised against
///    (``DiscouragedModels``) are so by right only for guests with the very signature, and else win by distance alone;
/// 5. the distance: one for each feature added, two for each taken out. Who forgets what is added has a lesser guest,
///    who forgets what is taken out has one that cannot run;
/// 6. the fewest features taken out; a name preferred; the fewest features that nobody has seen; the most features of
///    its own; the newest version.
///
/// The signature orders designs, not versions, since a version has the signature its model had first.
public struct ModelDetector: Sendable {
    private let entries: [Entry]

    /// A detector with the models of a catalog.
    public init(_ catalog: ModelCatalog) {
        entries = catalog.models.flatMap(\.versions).map { Entry($0) }
    }

    /// The models that the CPU is nearest to.
    ///
    /// - Throws: ``DetectionError`` when there is no model, or none of those allowed.
    public func detect(
        _ cpu: CPUDescription, options: DetectionOptions = DetectionOptions()
    ) throws(DetectionError) -> Detection {
        guard !entries.isEmpty else { throw .emptyCatalog }
        let input = Input(cpu)
        var merits: [(merit: Merit, entry: Int)] = []
        merits.reserveCapacity(entries.count)
        for (position, entry) in entries.enumerated() {
            guard let blockers = entry.blockers(options.allowed) else { continue }
            merits.append((Merit(entry, input, blockers, options), position))
        }
        guard !merits.isEmpty else { throw .noneAllowed((options.allowed ?? [:]).keys.sorted()) }
        merits.sort { $0.merit > $1.merit }
        let candidates = merits.prefix(max(1, options.limit)).map { merit, position in
            let entry = entries[position]
            return Difference(entry, input, entry.blockers(options.allowed) ?? []).candidate(entry, merit)
        }
        return Detection(
            candidates: candidates, best: candidates[0], runtime: cpu.runtime, numbers: cpu.numbers)
    }

    /// The versions of a vendor's models that run where only these features can be had, the one with most features
    /// first, and the newer one before an older one that has as many.
    func versions(of vendor: CPUVendor?, fitting features: FeatureSet) -> [CPUModelVersion] {
        entries.filter { $0.suits(vendor) && $0.given.isSubset(of: features) }
            .sorted { ($0.given.count, $0.version.number) > ($1.given.count, $1.version.number) }
            .map(\.version)
    }
}

extension ModelDetector {
    /// A version, and what has to be known of it again and again.
    struct Entry: Sendable {
        let version: CPUModelVersion
        let names: [String]
        /// The design of the CPU that the model was made from; nil for one that is not listed.
        let design: Microarchitecture?
        let isDiscouraged: Bool
        /// What lies idle in the definition, for want of a feature that only users turn on.
        let dormant: FeatureSet
        /// What a guest is given unless more is asked for.
        let given: FeatureSet

        init(_ version: CPUModelVersion) {
            self.version = version
            let plain = version.number == 1 ? version.modelName : nil
            names = [version.name] + [version.alias, plain].compactMap { $0 }
            design = version.takesHostVendor ? nil : Microarchitecture(version.vendor, version.signature)
            isDiscouraged = DiscouragedModels.contains(version)
            let dependencies = FeatureRegistry.shared.dependencies
            dormant = version.features.subtracting(dependencies.closing(version.features).kept)
            given = dependencies.closing(version.features.subtracting([.svm, .monitor, .acpi])).kept
        }

        /// Whether guests of this vendor's CPUs can have the version as it is; nil stands for any vendor.
        func suits(_ vendor: CPUVendor?) -> Bool {
            vendor == nil || vendor == version.vendor || version.takesHostVendor
        }

        /// How near the signature is to the CPU's.
        func kinship(_ input: Input) -> Detection.Kinship {
            guard input.cpu.vendor != nil, let signature = input.cpu.signature else { return .none }
            let own = version.signature
            if isDiscouraged { return input.isGuest && signature == own ? .model : .none }
            // Model 85 is three designs, which only the stepping tells apart.
            guard design == input.design, !version.takesHostVendor else { return .none }
            if signature.family == own.family, signature.model == own.model { return .model }
            return design == nil ? .none : .design
        }

        /// What cannot be had with this version, or nil when it is not allowed.
        func blockers(_ allowed: [String: FeatureSet]?) -> FeatureSet? {
            guard let allowed else { return [] }
            for name in names {
                if let blockers = allowed[name] { return blockers }
            }
            return nil
        }
    }

    /// A CPU, and what has to be known of it for every model.
    struct Input {
        let cpu: CPUDescription
        let features: FeatureSet
        let design: Microarchitecture?
        /// Whether it is a guest's CPU, whose signature is that of its model.
        let isGuest: Bool
        /// The features that need another which the CPU lacks.
        let unmet: FeatureSet
        /// Features that the CPU shows but that no name should be chosen by.
        let ignored: FeatureSet

        init(_ cpu: CPUDescription) {
            self.cpu = cpu
            features = cpu.features
            if let vendor = cpu.vendor, let signature = cpu.signature {
                design = Microarchitecture(vendor, signature)
            } else {
                design = nil
            }
            unmet = cpu.features.unmet
            isGuest = cpu.origin == .model || cpu.origin == .table && cpu.features.contains(.hypervisor)
            let isBroken = cpu.vendor == .intel && cpu.signature?.hasBrokenTSX == true
            ignored = isBroken && !isGuest ? FeatureSet.tsx : []
        }
    }

    /// What differs between a CPU and a version.
    struct Difference {
        var added: FeatureSet
        var removed: FeatureSet
        var idle: FeatureSet
        var blocked: FeatureSet
        var distance: Int
        var taken: Int

        init(_ entry: Entry, _ input: Input, _ blockers: FeatureSet) {
            let model = entry.version.features
            added = input.features.subtracting(model)
            let missing = model.subtracting(input.features)
            idle = missing.intersection(input.cpu.untold.union(entry.dormant.intersection(input.unmet)))
            removed = missing.subtracting(idle)
            blocked = blockers.subtracting(added).subtracting(missing)
            let roots = removed.subtracting(input.unmet)
            let misleading = model.intersection(input.features).intersection(input.ignored)
            taken = roots.count + misleading.count + blocked.count
            distance = added.subtracting(input.ignored).count + 2 * taken
        }

        func candidate(_ entry: Entry, _ merit: Merit) -> Detection.Candidate {
            Detection.Candidate(
                version: entry.version, added: added, removed: removed, idle: idle, blocked: blocked,
                kinship: merit.kinship, isSameVendor: merit.isSameVendor, distance: distance)
        }
    }

    /// Where a version stands among the others; the greater, the better.
    struct Merit: Comparable {
        let isSameVendor: Bool
        let kinship: Detection.Kinship
        private let isWhole: Bool
        private let isTheOne: Bool
        private let isTrusted: Bool
        private let distance: Int
        private let taken: Int
        private let isPreferred: Bool
        private let idle: Int
        private let count: Int
        private let number: Int

        init(_ entry: Entry, _ input: Input, _ blockers: FeatureSet, _ options: DetectionOptions) {
            let version = entry.version
            let difference = Difference(entry, input, blockers)
            isSameVendor = entry.suits(input.cpu.vendor)
            kinship = isSameVendor ? entry.kinship(input) : .none
            isWhole = options.purpose == .guest || difference.taken == 0
            isPreferred = entry.names.contains { options.preferred.contains($0) }
            isTheOne = isPreferred && options.preferred.count == 1
            count = version.features.count
            idle = difference.idle.count
            isTrusted = kinship != .none && 2 * difference.removed.count < count - idle
            distance = difference.distance
            taken = difference.taken
            number = version.number
        }

        static func < (left: Merit, right: Merit) -> Bool {
            if left.isSameVendor != right.isSameVendor { return right.isSameVendor }
            if left.isWhole != right.isWhole { return right.isWhole }
            if left.isTheOne != right.isTheOne { return right.isTheOne }
            if left.isTrusted != right.isTrusted { return right.isTrusted }
            if left.distance != right.distance { return left.distance > right.distance }
            if left.taken != right.taken { return left.taken > right.taken }
            if left.isPreferred != right.isPreferred { return right.isPreferred }
            if left.idle != right.idle { return left.idle > right.idle }
            if left.count != right.count { return left.count < right.count }
            return left.number < right.number
        }
    }
}

/// A feature and what it needs, one of each row.
private struct Needs: Sendable {
    let feature: Feature
    let rows: [[Feature]]

    static let all: [Needs] = FeatureRegistry.shared.all.compactMap { info in
        let rows = info.needs.filter { !$0.isPolicy }.map(\.anyOf)
        return rows.isEmpty ? nil : Needs(feature: info.feature, rows: rows)
    }
}

extension FeatureSet {
    /// The features that would not work beside these alone: one of their needs is not met.
    fileprivate var unmet: FeatureSet {
        var result = FeatureSet()
        for needs in Needs.all where !needs.rows.allSatisfy({ $0.contains { self.contains($0) } }) {
            result.insert(needs.feature)
        }
        return result
    }
}
