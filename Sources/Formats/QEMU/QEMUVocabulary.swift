// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// The names that a QEMU takes for `-cpu`.
public struct QEMUVocabulary: Sendable, Hashable {
    /// The models, versions and aliases: the names in the answer to `query-cpu-definitions`. Nil for those of QEMU
    /// 11.1.
    public var models: Set<String>?
    /// The properties: those of `device-list-properties`. Nil for all that the feature registry knows as QEMU's.
    public var properties: Set<String>?

    /// A vocabulary; without names that of QEMU 11.1.
    public init(models: Set<String>? = nil, properties: Set<String>? = nil) {
        self.models = models
        self.properties = properties
    }

    /// Whether a full version's name, such as `EPYC-v2`, is known.
    func has(model: String, version: Int) -> Bool {
        if let models { return models.contains("\(model)-v\(version)") }
        return version <= Self.latest[model] ?? 0
    }

    /// What the QEMU calls a feature; nil when it does not know it.
    public func name(of feature: Feature) -> String? {
        guard let info = FeatureRegistry.shared.info(of: feature), let name = info.name(in: .qemu) else { return nil }
        guard let properties, !properties.contains(name) else { return name }
        return info.spellings.first { $0.project == .qemu && properties.contains($0.name) }?.name
    }

    /// The last version of each model that QEMU 11.1 has.
    private static let latest = [
        "qemu64": 1, "phenom": 1, "core2duo": 1, "kvm64": 1, "qemu32": 1, "kvm32": 1, "coreduo": 1,
        "486":
            1, "pentium": 1, "pentium2": 1, "pentium3": 1, "athlon": 1, "n270": 1, "Conroe": 1, "Penryn": 1,
        "Nehalem": 2, "Westmere": 2, "SandyBridge": 2, "IvyBridge": 2, "Haswell": 4, "Broadwell": 4,
        "Skylake-Client": 4, "Skylake-Server": 6, "Cascadelake-Server": 7, "Cooperlake": 2,
        "Icelake-Server": 9, "SapphireRapids": 8, "GraniteRapids": 7, "DiamondRapids": 2, "SierraForest": 6,
        "ClearwaterForest": 4, "Denverton": 3, "Snowridge": 4, "KnightsMill": 1, "Opteron_G1": 1,
        "Opteron_G2": 1, "Opteron_G3": 1, "Opteron_G4": 1, "Opteron_G5": 1, "EPYC": 5, "Dhyana": 2,
        "EPYC-Rome": 5, "EPYC-Milan": 4, "EPYC-Genoa": 3, "YongFeng": 3, "EPYC-Turin": 2,
    ]
}
