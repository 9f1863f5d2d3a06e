// SPDX-License-Identifier: Apache-2.0

public import CPUModels
import X86CPU

extension LibvirtCPU {
    /// A domain's CPU that is a model: with a model's name that libvirt knows, and every feature in which either
    /// libvirt's or QEMU's idea of that name is another.
    ///
    /// libvirt's definitions differ from QEMU's in most models, and which of them decides depends on what libvirt is
    /// doing. So that it never matters, both are made to agree.
    ///
    /// - Parameter knownModels: the models that the libvirt in question has, as `virsh cpu-models x86_64` lists them;
    ///   nil for those of libvirt 10.7.
    /// - Throws: ``FormatError`` when the catalog has none of libvirt's models.
    public static func exporting(
        _ model: ExpandedModel, catalog: ModelCatalog, knownModels: Set<String>? = nil
    ) throws(FormatError) -> (cpu: LibvirtCPU, export: ExportedModel) {
        if model.base == nil { return exportingHost(model) }
        guard let best = candidates(for: model, in: catalog, knownModels).min(by: { $0.cost < $1.cost }),
            let changes = FeatureChanges(from: best.libvirt.name, to: model, in: catalog)
        else {
            throw FormatError(
                .unsupported, file: model.expression,
                "the catalog has no model that libvirt knows by name, so there is none to write")
        }
        let differing = model.features.symmetricDifference(best.libvirt.features).subtracting([.osxsave, .ospke])
        let named = changes.changed.union(differing).intersection(nameable)
        let inexpressible = changes.changed.subtracting(nameable)
        var cpu = LibvirtCPU(
            model: best.libvirt.name, vendor: LibvirtModels.name(of: model.vendor),
            features: elements(named.intersection(model.features), .require))
        cpu.match = "exact"
        cpu.features += elements(named.subtracting(model.features), .disable)
        cpu.features.sort { $0.feature < $1.feature }

        var export = ExportedModel(cpu.xml)
        export.inexpressible = inexpressible
        if !inexpressible.isEmpty { export.notes.append("libvirt has no name for \(inexpressible.nameList).") }
        if best.version.signature != model.signature {
            export.notes.append(
                "The guest's family, model and stepping are those of \(best.libvirt.name), \(best.version.signature), and not "
                    + "\(model.signature): libvirt cannot set them.")
        }
        return (cpu, export)
    }

    /// A model that libvirt knows, and how far it is from the one wanted.
    private struct Candidate {
        let libvirt: LibvirtModel
        let version: CPUModelVersion
        /// The less, the better: another vendor, another signature, another model, then the number of features that
        /// differ.
        let cost: Int
    }

    private static func candidates(
        for model: ExpandedModel, in catalog: ModelCatalog, _ known: Set<String>?
    ) -> [Candidate] {
        LibvirtModels.shared.all.enumerated().compactMap { position, libvirt -> Candidate? in
            guard known?.contains(libvirt.name) != false, let version = catalog.version(named: libvirt.name) else {
                return nil
            }
            let differing = version.features.symmetricDifference(model.features)
                .union(libvirt.features.symmetricDifference(model.features))
            var cost = differing.count * 64 + (63 - position)
            if version.modelName != model.base?.modelName { cost += 1 << 16 }
            if version.signature != model.signature { cost += 1 << 18 }
            if version.vendor != model.vendor || (libvirt.vendor ?? model.vendor) != model.vendor { cost += 1 << 20 }
            return Candidate(libvirt: libvirt, version: version, cost: cost)
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
