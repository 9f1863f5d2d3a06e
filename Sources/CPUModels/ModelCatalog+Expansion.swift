// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax
public import X86CPU

extension ModelCatalog {
    /// What an expression means on a host; without a host, what it means by itself.
    ///
    /// - Throws: ``ExpressionError`` when the model does not exist, or `host` or `max` is asked for without a host.
    public func expand(
        _ expression: ModelExpression, on host: HostCPU?
    ) throws(ExpressionError) -> ExpandedModel {
        let source: ExpansionSource
        switch expression.base {
        case "host", "max":
            guard let host else {
                throw ExpressionError(
                    .hostNeeded, expression.base, "\(expression.base) means what the host has, and no host is given.")
            }
            source = ExpansionSource(host, migratable: expression.base == "host")
        default:
            guard let version = version(named: expression.base) else {
                throw unknownModel(expression.base)
            }
            let vendor = version.takesHostVendor ? host?.identity.vendor ?? version.vendor : version.vendor
            source = ExpansionSource(version, vendor: vendor, legacyCaches: legacyCaches(for: vendor))
        }
        return Expansion(source, expression, host).result()
    }

    /// Why there is no model of that name: nobody knows it, or its file is refused.
    public func unknownModel(_ name: String) -> ExpressionError {
        if let file = refusedFile(of: name) {
            return ExpressionError(
                .unknownModel, name, refused: file,
                sentence("The model \(name) is left out, as its file is wrong: \(file.summary)"))
        }
        return ExpressionError(
            .unknownModel, name, suggestion: nearestName(to: name), "There is no model \(name).")
    }
}

/// What an expansion starts from.
private struct ExpansionSource {
    let name: String
    let base: CPUModelVersion?
    let vendor: CPUVendor
    let signature: CPUSignature
    let description: String
    let level: UInt32
    let extendedLevel: UInt32
    let caches: ExpandedModel.Caches
    let forcesLeaf1F: Bool
    let avx10Version: UInt8
    let features: FeatureSet

    init(_ version: CPUModelVersion, vendor: CPUVendor, legacyCaches: CacheHierarchy?) {
        name = version.name
        base = version
        self.vendor = vendor
        signature = version.signature
        description = version.description
        level = version.level
        extendedLevel = version.extendedLevel
        caches = (version.caches ?? legacyCaches).map { .model($0) } ?? .unknown
        forcesLeaf1F = version.forcesLeaf1F
        avx10Version = version.avx10Version
        features = version.features
    }

    /// All of a host, without the features that are given only when asked; with `migratable` without those that keep
    /// a guest where it is, too. Bits that nobody has a name for are not handed on, since nobody knows what they need.
    init(_ host: HostCPU, migratable: Bool) {
        name = migratable ? "host" : "max"
        base = nil
        vendor = host.identity.vendor
        signature = host.identity.signature
        description = host.identity.brand
        level = host.supported.value(0, 0, .eax)
        extendedLevel = host.supported.value(0x8000_0000, 0, .eax)
        caches = .host
        forcesLeaf1F = false
        avx10Version = host.avx10Version
        let registry = FeatureRegistry.shared
        var features = host.grantable.intersection(registry.named).subtracting(registry.optIn)
        // Whether there are several CPUs in a package is the topology's to say.
        features.remove(.cmpLegacy)
        if migratable { features = features.subtracting(registry.unmigratable) }
        self.features = features
    }
}

/// The steps from a model to a guest's features.
private struct Expansion {
    private let registry = FeatureRegistry.shared
    private let source: ExpansionSource
    private let expression: ModelExpression
    private let host: HostCPU?

    init(_ source: ExpansionSource, _ expression: ModelExpression, _ host: HostCPU?) {
        self.source = source
        self.expression = expression
        self.host = host
    }

    func result() -> ExpandedModel {
        let asked = expression.added
        let refused = expression.removed
        let defaultsRemoved =
            source.base == nil ? [] : KVMDefaults.onlyWhenAsked.intersection(source.features).subtracting(asked)
        let defaultsAdded = defaults.subtracting(source.features)

        // What would be there without the expression tells what lies idle from what the expression took away.
        let unchanged = source.features.subtracting(defaultsRemoved).union(defaultsAdded)
        let wanted = unchanged.union(asked).subtracting(refused)
        let closure = closing(wanted)
        let idle = unchanged.union(asked).subtracting(closing(unchanged.union(asked)).kept).subtracting(asked)

        var unavailable: [UnavailableFeature] = []
        for removal in closure.removed where asked.contains(removal.feature) {
            unavailable.append(UnavailableFeature(feature: removal.feature, reason: .needs(removal.missing)))
        }
        var features = closure.kept
        for conflict in registry.conflicts where features.contains(conflict.first) && features.contains(conflict.second)
        {
            features.remove(conflict.second)
            unavailable.append(
                UnavailableFeature(feature: conflict.second, reason: .conflicts(with: conflict.first)))
        }
        features = granted(features, &unavailable)
        let avx10Version = avx10Version(with: features, &unavailable)

        return ExpandedModel(
            name: source.name, expression: expression.description, base: source.base, vendor: source.vendor,
            signature: source.signature, description: source.description, level: source.level,
            extendedLevel: source.extendedLevel, caches: source.caches, forcesLeaf1F: source.forcesLeaf1F,
            avx10Version: avx10Version, features: features, unavailable: unavailable.sorted { $0.feature < $1.feature },
            definition: source.features, defaultsAdded: defaultsAdded.subtracting(refused).intersection(features),
            defaultsRemoved: defaultsRemoved, expressionAdded: asked.subtracting(unchanged),
            expressionRemoved: unchanged.subtracting(closure.kept).subtracting(idle),
            dormant: idle.subtracting(refused))
    }

    /// The features that guests are given whatever their model, as far as the host has them.
    private var defaults: FeatureSet {
        let given = host.map { KVMDefaults.paravirtual.intersection($0.grantable) } ?? KVMDefaults.paravirtual
        return given.union([.hypervisor])
    }

    private func closing(_ features: FeatureSet) -> FeatureDependencies.Closure {
        registry.dependencies.closing(features, host: host?.grantable)
    }

    /// The features that the host can give, and those that still work when the others are gone.
    private func granted(_ features: FeatureSet, _ unavailable: inout [UnavailableFeature]) -> FeatureSet {
        guard let host else { return features }
        // Statements that only warn a guest may come from a pool in which another host needs them: KVM takes them
        // everywhere.
        let available = host.grantable.union(expression.added.intersection(.assertions))
        for feature in features.subtracting(available) {
            unavailable.append(UnavailableFeature(feature: feature, reason: reason(feature, host)))
        }
        let closure = closing(features.intersection(available))
        for removal in closure.removed {
            unavailable.append(UnavailableFeature(feature: removal.feature, reason: .needs(removal.missing)))
        }
        return closure.kept
    }

    /// The version of AVX10 that the guest gets: the model's, or the host's where that is lower.
    private func avx10Version(with features: FeatureSet, _ unavailable: inout [UnavailableFeature]) -> UInt8 {
        guard features.contains(.avx10) else { return 0 }
        // Where only the expression brought the feature in, any version is what was asked for.
        let asked = source.avx10Version
        guard let host else { return max(asked, 1) }
        if asked > host.avx10Version {
            unavailable.append(
                UnavailableFeature(feature: .avx10, reason: .olderVersion(host: host.avx10Version, model: asked)))
        }
        return asked == 0 ? host.avx10Version : min(asked, host.avx10Version)
    }

    private func reason(_ feature: Feature, _ host: HostCPU) -> UnavailableFeature.Reason {
        guard case .cpuid(let leaf, let subleaf, let register) = feature.word.position, leaf >> 28 != 4,
            let native = host.native[leaf, subleaf.index]
        else { return .notOffered }
        return UInt64(native[register]) & feature.mask == 0 ? .hostLacks : .hiddenByKVM
    }
}

extension HostCPU {
    /// The version of AVX10 that the host offers: leaf 0x24, EBX[7:0].
    fileprivate var avx10Version: UInt8 { UInt8(truncatingIfNeeded: supported.value(0x24, 0, .ebx)) }
}
