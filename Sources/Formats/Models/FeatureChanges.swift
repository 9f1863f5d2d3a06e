// SPDX-License-Identifier: Apache-2.0

internal import CPUModels
internal import X86CPU

/// What has to be said to turn one version's guest into another model's.
struct FeatureChanges {
    /// The features of a guest of the version alone, under KVM.
    let plain: FeatureSet
    /// The features of the version's definition, before KVM adds its own and takes away svm, monitor and acpi.
    let bare: FeatureSet
    /// The features to turn on or off, as they are in the model.
    let changed: FeatureSet

    /// The changes from a version that a catalog has under a name; nil when it has none.
    ///
    /// Features of a version may lie idle, such as the VMX capabilities without vmx, and turning on what they need wakes
    /// them. So that is done first, and only then is looked at what is there.
    init?(from name: String, to model: ExpandedModel, in catalog: ModelCatalog) {
        guard let base = try? ModelExpression(parsing: name), let plain = try? catalog.expand(base, on: nil) else {
            return nil
        }
        self.plain = plain.features
        bare = plain.features.subtracting(plain.defaultsAdded).union(plain.defaultsRemoved)
        var changed = model.features.symmetricDifference(plain.features).subtracting(plain.dormant)
        // What falls with a change, or wakes, is seen after it; the chains are short.
        for _ in 0..<4 {
            let expression = try? ModelExpression(
                base: name, added: changed.intersection(model.features), removed: changed.subtracting(model.features),
                file: name)
            guard let expression, let now = try? catalog.expand(expression, on: nil) else { break }
            let rest = model.features.symmetricDifference(now.features).subtracting(changed)
            if rest.isEmpty { break }
            changed = changed.union(rest)
        }
        self.changed = changed
    }
}
