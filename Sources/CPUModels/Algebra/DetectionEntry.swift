// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// A version of a model, and what detection has to know of it again and again.
///
/// A class, since its sets are many times the size of a pointer and it is never changed.
final class DetectionEntry: Sendable {
    let version: CPUModelVersion
    let names: [String]
    /// The design of the CPU that the model was made from; nil for one that is not listed.
    let design: Microarchitecture?
    let isDiscouraged: Bool
    /// The definition.
    let words: DetectionWords
    /// What lies idle in the definition, for want of a feature that only users turn on.
    let dormantFeatures: FeatureSet
    let dormant: DetectionWords
    /// The number of features in the definition.
    let count: Int
    /// What a guest is given unless more is asked for.
    let given: FeatureSet
    /// The number of those.
    let givenCount: Int

    init(_ version: CPUModelVersion, _ scope: DetectionScope) {
        self.version = version
        let plain = version.number == 1 ? version.modelName : nil
        names = [version.name] + [version.alias, plain].compactMap { $0 }
        design = version.takesHostVendor ? nil : Microarchitecture(version.vendor, version.signature)
        isDiscouraged = DiscouragedModels.contains(version)
        let dependencies = FeatureRegistry.shared.dependencies
        words = scope.words(of: version.features)
        dormantFeatures = version.features.subtracting(dependencies.closing(version.features).kept)
        dormant = scope.words(of: dormantFeatures)
        count = version.features.count
        given = dependencies.closing(version.features.subtracting([.svm, .monitor, .acpi])).kept
        givenCount = given.count
    }

    /// Whether guests of this vendor's CPUs can have the version as it is; nil stands for any vendor.
    func suits(_ vendor: CPUVendor?) -> Bool {
        vendor == nil || vendor == version.vendor || version.takesHostVendor
    }

    /// How near the signature is to the CPU's.
    func kinship(_ input: DetectionInput) -> Detection.Kinship {
        guard let signature = input.signature, suits(input.vendor) else { return .none }
        let own = version.signature
        if isDiscouraged { return input.isGuest && signature == own ? .model : .none }
        // Model 85 is three designs, which only the stepping tells apart.
        guard design == input.design, !version.takesHostVendor else { return .none }
        if signature.family == own.family, signature.model == own.model { return .model }
        return design == nil ? .none : .design
    }

    /// Under which of the names allowed the version goes, if under any.
    func name<Value>(among allowed: [String: Value]) -> String? { names.first { allowed[$0] != nil } }
}
