// SPDX-License-Identifier: Apache-2.0

public import CPUModels
internal import X86CPU

extension LibvirtCPU {
    /// A domain's CPU that is a model: with a model's name that libvirt knows, and every feature in which either
    /// libvirt's or QEMU's idea of that name is another.
    ///
    /// libvirt's definitions differ from QEMU's in most models, and which of them decides depends on what libvirt is
    /// doing. So that it never matters, both are made to agree.
    ///
    /// - Throws: ``FormatError`` when the catalog has none of libvirt's models.
    public static func exporting(
        _ model: ExpandedModel, catalog: ModelCatalog
    ) throws(FormatError) -> (cpu: LibvirtCPU, export: ExportedModel) {
        if model.base == nil { return exportingHost(model) }
        guard let best = candidates(for: model, in: catalog).min(by: { $0.cost < $1.cost }) else {
            throw FormatError(
                .unsupported, file: model.expression,
                "the catalog has no model that libvirt knows by name, so there is none to write")
        }
        var cpu = LibvirtCPU(
            model: best.name, vendor: LibvirtModels.name(of: model.vendor), features: elements(best.required, .require))
        cpu.match = "exact"
        cpu.features += elements(best.disabled, .disable)
        cpu.features.sort { $0.feature < $1.feature }

        var export = ExportedModel(cpu.xml)
        export.inexpressible = best.inexpressible
        if !best.inexpressible.isEmpty {
            export.notes.append("libvirt has no name for \(best.inexpressible.nameList).")
        }
        if best.version.signature != model.signature {
            export.notes.append(
                "The guest's family, model and stepping are those of \(best.name), \(best.version.signature), and not "
                    + "\(model.signature): libvirt cannot set them.")
        }
        return (cpu, export)
    }

    /// A model that libvirt knows, and what has to be said to make it the one wanted.
    private struct Candidate {
        let name: String
        let version: CPUModelVersion
        let required: FeatureSet
        let disabled: FeatureSet
        let inexpressible: FeatureSet
        /// The less, the better: another vendor, another signature, then the number of features to name.
        let cost: Int
    }

    private static func candidates(for model: ExpandedModel, in catalog: ModelCatalog) -> [Candidate] {
        LibvirtModels.shared.all.enumerated().compactMap { position, libvirt -> Candidate? in
            guard let version = catalog.version(named: libvirt.name),
                let plain = try? catalog.expand(ModelExpression(parsing: libvirt.name), on: nil)
            else { return nil }
            let both = plain.features.intersection(libvirt.features)
            let either = plain.features.union(libvirt.features).subtracting([.osxsave, .ospke])
            let missing = model.features.subtracting(both)
            let surplus = either.subtracting(model.features)
            let unnamed = model.features.symmetricDifference(plain.features).subtracting(nameable)
            let named = missing.intersection(nameable).count + surplus.intersection(nameable).count
            var cost = named * 64 + (63 - position)
            if version.modelName != model.base?.modelName { cost += 1 << 16 }
            if version.signature != model.signature { cost += 1 << 18 }
            if version.vendor != model.vendor || (libvirt.vendor ?? model.vendor) != model.vendor { cost += 1 << 20 }
            return Candidate(
                name: libvirt.name, version: version, required: missing.intersection(nameable),
                disabled: surplus.intersection(nameable), inexpressible: unnamed, cost: cost)
        }
    }

    private static func elements(_ features: FeatureSet, _ policy: Policy) -> [FeatureElement] {
        features.compactMap { feature in
            FeatureRegistry.shared.info(of: feature)?.name(in: .libvirt).map {
                FeatureElement(feature: feature, name: $0, policy: policy)
            }
        }
    }

    /// `host` and `max` have modes of their own, and stay what they are: all of whatever host the guest starts on.
    private static func exportingHost(_ model: ExpandedModel) -> (LibvirtCPU, ExportedModel) {
        var cpu = LibvirtCPU(mode: .hostPassthrough)
        cpu.isMigratable = model.name == "host"
        let changes = model.expressionAdded.union(model.expressionRemoved)
        cpu.features =
            elements(model.expressionAdded.intersection(model.features), .require)
            + elements(model.expressionRemoved, .disable)
        var export = ExportedModel(cpu.xml)
        export.inexpressible = changes.subtracting(nameable)
        export.notes.append("The guest gets what the host has on which it starts, and can only migrate to its equal.")
        return (cpu, export)
    }
}
