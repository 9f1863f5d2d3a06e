// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax
import X86CPU

/// Makes the versions of one model, each from the one before and its section's changes, and checks what comes out.
struct VersionResolver {
    private(set) var problems: [UnitSyntaxError] = []
    /// What is wrong since a file is refused that defines what is named.
    private(set) var consequences: [UnitSyntaxError] = []

    private let draft: ModelDraft
    private let base: CPUModelVersion?
    private let caches: [String: CacheHierarchy]
    private let refused: [RefusedModelFile]
    private let registry = FeatureRegistry.shared

    init(
        _ draft: ModelDraft, base: CPUModelVersion?, caches: [String: CacheHierarchy], refused: [RefusedModelFile]
    ) {
        self.refused = refused
        self.draft = draft
        self.base = base
        self.caches = caches
    }

    mutating func versions() -> [CPUModelVersion] {
        var versions: [CPUModelVersion] = []
        versions.reserveCapacity(draft.versions.count)
        let start =
            base.map { CPUModelVersion(draft.name, from: $0, features: $0.features) }
            ?? CPUModelVersion(blank: draft.name)
        for (position, changes) in draft.versions.enumerated() {
            let previous = versions.last ?? start
            let name = position == 0 ? base?.name : "version \(position)"
            let version = version(position + 1, changes, previous, name)
            check(version, changes, previous)
            versions.append(version)
        }
        return versions
    }

    private mutating func version(
        _ number: Int, _ changes: VersionDraft, _ previous: CPUModelVersion, _ previousName: String?
    ) -> CPUModelVersion {
        var version = previous
        version.number = number
        version.alias = changes.alias
        version.note = changes.note
        switch changes.vendor {
        case .named(let vendor): (version.vendor, version.takesHostVendor) = (vendor, false)
        case .host: version.takesHostVendor = true
        case nil: break
        }
        let signature = CPUSignature(
            family: changes.family ?? previous.signature.family, model: changes.model ?? previous.signature.model,
            stepping: changes.stepping ?? previous.signature.stepping)
        if let signature {
            version.signature = signature
        } else {
            let family = changes.family ?? previous.signature.family
            report(UnitSyntaxError(changes.location, "family \(family) has no model numbers over 15"))
        }
        version.description = changes.description ?? previous.description
        version.level = changes.level ?? previous.level
        version.extendedLevel = changes.extendedLevel ?? previous.extendedLevel
        version.forcesLeaf1F = changes.forcesLeaf1F ?? previous.forcesLeaf1F
        version.avx10Version = changes.avx10Version?.number ?? previous.avx10Version
        setCaches(&version, changes)
        setDeprecation(&version, changes)
        change(&version.features, changes, previousName)
        return version
    }

    private mutating func setCaches(_ version: inout CPUModelVersion, _ changes: VersionDraft) {
        guard let line = changes.caches else { return }
        version.caches = caches[line.value]
        if version.caches == nil, let file = refused.first(where: { $0.caches.contains(line.value) }) {
            consequences.append(line.error("names the caches \(line.value), which are left out: \(file.summary)"))
        } else if version.caches == nil, !line.value.isEmpty, problems.count < ModelReader.mostProblems {
            let suggestion = didYouMean(nearest(line.value, in: caches.keys.sorted()))
            report(line.error("names caches that no file defines, \"\(line.value)\"\(suggestion)"))
        }
    }

    /// A version is deprecated from the one that says so up to the one that takes it back by an empty value.
    private mutating func setDeprecation(_ version: inout CPUModelVersion, _ changes: VersionDraft) {
        if let line = changes.deprecation {
            version.deprecation = line.value.isEmpty ? nil : line.value
            version.replacement = nil
        }
        guard let line = changes.replacement else { return }
        version.replacement = line.value.isEmpty ? nil : line.value
        if version.replacement != nil, version.deprecation == nil {
            report(line.error("needs Deprecated=, which tells why the version should be replaced"))
        }
    }

    private mutating func change(_ features: inout FeatureSet, _ changes: VersionDraft, _ previous: String?) {
        // Changes that change nothing: most likely another feature was meant.
        if let feature = changes.added.intersection(features).firstFeature, let previous, let line = changes.addition {
            report(line.error("has \(registry.name(of: feature)), which \(previous) has already"))
        }
        if let feature = changes.removed.subtracting(features).firstFeature, let previous, let line = changes.removal {
            report(line.error("has \(registry.name(of: feature)), which \(previous) does not have"))
        }
        features = features.union(changes.added).subtracting(changes.removed)
    }

    private mutating func report(_ problem: UnitSyntaxError) {
        if problems.count < ModelReader.mostProblems { problems.append(problem) }
    }
}

// MARK: - What a CPU cannot be

extension VersionResolver {
    /// Capabilities of nested virtualisation. Without svm or vmx, which guests have only when asked, they lie idle; and
    /// VMX controls of real CPUs offer to intercept instructions that the model leaves out.
    private static let nested: FeatureSet = {
        var set = FeatureSet()
        let words: [FeatureWord] = [
            .leaf8000000A_edx, .vmxBasic, .vmxMisc, .vmxProcbasedCtls2, .vmxEPTVPIDCap, .vmxTruePinbasedCtls,
            .vmxTrueProcbasedCtls, .vmxTrueExitCtls, .vmxTrueEntryCtls, .vmxVMFunc,
        ]
        for word in words { set[word] = .max }
        return set
    }()

    /// Reports features without what they need and features that exclude each other, as far as this section brought
    /// it about.
    private mutating func check(_ version: CPUModelVersion, _ changes: VersionDraft, _ previous: CPUModelVersion) {
        checkAVX10(version, changes)
        if version.features == previous.features { return }
        var unmet = registry.dependencies.unmet(in: version.features.subtracting(Self.nested))
        if !unmet.isEmpty {
            let before = Set(registry.dependencies.unmet(in: previous.features))
            unmet.removeAll { before.contains($0) }
        }
        if let first = unmet.first {
            let isRemoval = first.missing.contains { changes.removed.contains($0) }
            let shown = unmet.prefix(5).map { "\(registry.name(of: $0.feature)) needs \(names($0.missing))" }
            let more = unmet.count > shown.count ? ", and \(unmet.count - shown.count) more" : ""
            report(
                UnitSyntaxError(
                    changes.location(isRemoval),
                    "\(changes.key(isRemoval))= leaves features without what they need: "
                        + "\(shown.joined(separator: ", "))\(more)"))
        }
        for conflict in registry.conflicts {
            let pair: FeatureSet = [conflict.first, conflict.second]
            if pair.isSubset(of: version.features), !pair.isSubset(of: previous.features) {
                report(
                    UnitSyntaxError(
                        changes.location(false),
                        "\(changes.key(false))= brings \(names([conflict.first])) and \(names([conflict.second])) "
                            + "together, which no CPU has"))
            }
        }
    }

    private mutating func checkAVX10(_ version: CPUModelVersion, _ changes: VersionDraft) {
        switch (version.features.contains(.avx10), version.avx10Version) {
        case (true, 0):
            report(
                UnitSyntaxError(
                    changes.location(false), "\(changes.key(false))= has avx10, and no AVX10= tells the version of it"))
        case (false, 1...):
            if let line = changes.avx10Version?.line {
                report(line.error("tells the version of a feature that the model does not have, avx10"))
            } else if changes.removed.contains(.avx10), let line = changes.removal {
                report(line.error("has avx10, but AVX10= still tells a version of it; say AVX10=0"))
            }
        default: break
        }
    }

    private func names(_ features: [Feature]) -> String {
        features.map { registry.name(of: $0) }.joined(separator: " or ")
    }
}

extension VersionDraft {
    fileprivate func location(_ isRemoval: Bool) -> SourceLocation {
        (isRemoval ? removal : addition ?? removal)?.location ?? location
    }

    fileprivate func key(_ isRemoval: Bool) -> String {
        (isRemoval ? removal : addition ?? removal)?.key ?? "Features"
    }
}

extension FeatureSet {
    /// The first feature by word and bit.
    fileprivate var firstFeature: Feature? { first { _ in true } }
}
