// SPDX-License-Identifier: Apache-2.0

public import CPUModels
import X86CPU

extension QEMUCPU {
    /// How much of a CPU an argument spells out.
    public enum Detail: Sendable, Hashable {
        /// What differs from the model as QEMU makes it under KVM, where every guest gets x2apic and KVM's own
        /// features, and none svm, monitor and acpi.
        case differences
        /// Those, and also what QEMU adds and removes under KVM, and vme, which it removes under TCG: the guest is the
        /// same under any accelerator that can.
        case explicit
    }

    /// A model as an argument that makes QEMU give its guest the same CPU.
    ///
    /// A model that the QEMU does not know, newer than it or an operator's own, is written as the one it knows that
    /// comes nearest, with what differs.
    ///
    /// - Parameters:
    ///   - isEnforced: whether QEMU shall refuse to start where the host lacks a feature.
    ///   - vocabulary: what the QEMU knows.
    /// - Throws: ``FormatError`` when the catalog has no model that the QEMU knows.
    public static func exporting(
        _ model: ExpandedModel, catalog: ModelCatalog, detail: Detail = .differences, isEnforced: Bool = false,
        vocabulary: QEMUVocabulary = QEMUVocabulary()
    ) throws(FormatError) -> (cpu: QEMUCPU, export: ExportedModel) {
        var cpu: QEMUCPU
        var notes: [String] = []
        var inexpressible = FeatureSet()
        if let base = model.base {
            guard let start = start(for: model, base, catalog, vocabulary),
                let changes = FeatureChanges(from: start.name, to: model, in: catalog)
            else {
                throw FormatError(.unsupported, file: model.expression, "the catalog has no model that QEMU knows")
            }
            cpu = QEMUCPU(model: start.name)
            cpu.properties += identity(of: model, unlike: start, &notes)
            var changed = changes.changed
            if detail == .explicit {
                changed = changed.union(changes.plain.symmetricDifference(changes.bare)).union(FeatureSet(named: "vme"))
            }
            let (properties, rest) = features(changed, in: model.features, vocabulary)
            cpu.properties += properties
            inexpressible = rest
            if start.name != base.name {
                notes.append("QEMU has no model \(base.name); it is written as \(start.name) with what differs.")
            }
        } else {
            cpu = QEMUCPU(model: model.name)
            if model.name == "max" { cpu.properties.append(Property("migratable", "off")) }
            let added = model.expressionAdded.intersection(model.features)
            let (properties, rest) = features(added.union(model.expressionRemoved), in: added, vocabulary)
            cpu.properties += properties
            inexpressible = rest
        }
        if isEnforced { cpu.properties.append(Property("enforce", "on")) }
        if !inexpressible.isEmpty { notes.append("This QEMU has no name for \(inexpressible.nameList).") }
        var export = ExportedModel(cpu.description)
        export.inexpressible = inexpressible
        export.notes = notes
        return (cpu, export)
    }

    /// The version to start from: the model's own if QEMU knows it, or else the nearest that it knows.
    private static func start(
        for model: ExpandedModel, _ base: CPUModelVersion, _ catalog: ModelCatalog, _ vocabulary: QEMUVocabulary
    ) -> CPUModelVersion? {
        func isKnown(_ version: CPUModelVersion) -> Bool {
            vocabulary.has(model: version.modelName, version: version.number)
        }
        if isKnown(base) { return base }
        let known = catalog.models.flatMap(\.versions).filter(isKnown)
        func distance(_ version: CPUModelVersion) -> Int {
            var distance = version.features.symmetricDifference(base.features).count
            if version.modelName != base.modelName { distance += 1 << 10 }
            if version.vendor != base.vendor { distance += 1 << 11 }
            return distance
        }
        return known.map { (version: $0, distance: distance($0)) }.min { $0.distance < $1.distance }?.version
    }

    /// What makes a CPU look like a model that it is not.
    private static func identity(of model: ExpandedModel, unlike version: CPUModelVersion, _ notes: inout [String])
        -> [Property]
    {
        var properties: [Property] = []
        if model.vendor != version.vendor { properties.append(Property("vendor", model.vendor.description)) }
        if model.signature.family != version.signature.family {
            properties.append(Property("family", String(model.signature.family)))
        }
        if model.signature.model != version.signature.model {
            properties.append(Property("model", String(model.signature.model)))
        }
        if model.signature.stepping != version.signature.stepping {
            properties.append(Property("stepping", String(model.signature.stepping)))
        }
        if model.description.contains(","), model.description != version.description {
            notes.append("-cpu cannot say the brand string \(quoted(model.description)), for it has a comma.")
        } else if model.description != version.description {
            properties.append(Property("model-id", model.description))
        }
        return properties
    }

    /// The properties that set features as they are in a set, and the features for which there are none.
    ///
    /// A property of QEMU's may be several bits: kvmclock is two. It is set only if that makes all of them right.
    private static func features(
        _ changed: FeatureSet, in wanted: FeatureSet, _ vocabulary: QEMUVocabulary
    ) -> (properties: [Property], inexpressible: FeatureSet) {
        var bits: [String: FeatureSet] = [:]
        for feature in FeatureRegistry.shared.named {
            if let name = vocabulary.name(of: feature) { bits[name, default: []].insert(feature) }
        }
        var properties: [Property] = []
        var inexpressible = FeatureSet()
        var done: Set<String> = []
        for feature in changed {
            guard let name = vocabulary.name(of: feature), let all = bits[name] else {
                inexpressible.insert(feature)
                continue
            }
            guard done.insert(name).inserted else { continue }
            if all.isSubset(of: wanted) {
                properties.append(Property(name, "on"))
            } else if all.intersection(wanted).isEmpty {
                properties.append(Property(name, "off"))
            } else {
                inexpressible = inexpressible.union(changed.intersection(all))
            }
        }
        return (properties, inexpressible)
    }
}
