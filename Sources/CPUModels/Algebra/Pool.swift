// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Several CPUs on their way to becoming one.
///
/// Everything here is a fold of operations that are associative, commutative and idempotent: AND, OR, min, and "equal or
/// nothing".
struct Pool {
    /// What all have.
    private var all: FeatureSet
    /// What any has.
    private(set) var union: FeatureSet
    private var numbers: FeatureSet
    private var untold: FeatureSet
    private var hasAlternateRSB: Bool
    private var vendor: CPUVendor?
    private var signature: CPUSignature?
    private var level: UInt32?
    private var extendedLevel: UInt32?
    private var subleafLimits: [UInt32: UInt32]
    private var physicalAddressBits: UInt8?
    private var linearAddressBits: UInt8?

    init(_ cpu: CPUDescription) {
        all = cpu.features
        union = all
        numbers = cpu.numbers
        untold = cpu.untold
        hasAlternateRSB = cpu.hasAlternateRSB
        vendor = cpu.vendor
        signature = cpu.signature
        level = cpu.level
        extendedLevel = cpu.extendedLevel
        subleafLimits = cpu.subleafLimits
        physicalAddressBits = cpu.physicalAddressBits
        linearAddressBits = cpu.linearAddressBits
    }

    /// Takes in a CPU.
    mutating func add(_ cpu: CPUDescription) {
        all.formIntersection(cpu.features)
        union.formUnion(cpu.features)
        NumberField.keepCommon(of: &numbers, and: cpu.numbers)
        untold.formUnion(cpu.untold)
        hasAlternateRSB = hasAlternateRSB || cpu.hasAlternateRSB
        signature = Self.common(signature, cpu.signature)
        if vendor != cpu.vendor {
            vendor = nil
            signature = nil
        }
        level = Self.least(level, cpu.level)
        extendedLevel = Self.least(extendedLevel, cpu.extendedLevel)
        subleafLimits.merge(cpu.subleafLimits, uniquingKeysWith: min)
        physicalAddressBits = Self.least(physicalAddressBits, cpu.physicalAddressBits)
        linearAddressBits = Self.least(linearAddressBits, cpu.linearAddressBits)
    }

    /// The features that guests are offered.
    func offered(onlyMigratable: Bool) -> FeatureSet {
        let registry = FeatureRegistry.shared
        // Nobody knows what a feature without a name needs, so none is handed on.
        let common = all.intersection(registry.named)
        let told = union.intersection(.assertions)
        var features = common.union(told).subtracting(.alternateRSB)
        if onlyMigratable { features = features.subtracting(registry.unmigratable) }
        features = registry.dependencies.closing(features).kept
        if hasAlternateRSB, features.contains(.archCapabilities) {
            // eIBRS, which restricts the fall-back, is the pool's only if what it needs is, too.
            let isRestricted = features.intersects(.ibrsAll)
            features = features.union(isRestricted ? told.intersection(.rsba).union(.rrsba) : .rsba)
        }
        return features
    }

    /// The features that a guest may come with.
    var receivable: FeatureSet { all.union(.assertions) }

    func description(name: String, features: FeatureSet) -> CPUDescription {
        var cpu = CPUDescription(
            name: name, origin: .pool, vendor: vendor,
            signature: signature, features: features, untold: untold, level: level, extendedLevel: extendedLevel,
            physicalAddressBits: physicalAddressBits, linearAddressBits: linearAddressBits)
        cpu.numbers = numbers
        cpu.subleafLimits = subleafLimits
        return cpu
    }

    private static func least<Number: Comparable>(_ left: Number?, _ right: Number?) -> Number? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }

    private static func common(_ left: CPUSignature?, _ right: CPUSignature?) -> CPUSignature? {
        guard let left, let right, left.family == right.family, left.model == right.model else { return nil }
        return left.stepping <= right.stepping ? left : right
    }
}

extension CPUDescription {
    /// Whether RSB underflow falls back on other predictors here: the CPU says so, or is known for it, as are all that
    /// have eIBRS (Xen, `retpoline_calculations`).
    ///
    /// A real CPU's design is known whatever its firmware says. What a guest sees is not: its signature is its model's.
    var hasAlternateRSB: Bool {
        let statements = features[.archCapabilities]
        if statements & FeatureSet.alternateRSB[.archCapabilities] != 0 { return true }
        let isReal = origin == .host || origin == .table && !features.contains(.hypervisor)
        guard isReal else { return false }
        if statements & FeatureSet.ibrsAll[.archCapabilities] != 0 { return true }
        guard let vendor, let signature else { return false }
        return Microarchitecture(vendor, signature)?.hasAlternateRSBPredictor == true
    }
}
