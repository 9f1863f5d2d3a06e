// SPDX-License-Identifier: Apache-2.0

public import CPUModels
import X86CPU

extension LibvirtCPU {
    /// What the guest of a domain with this CPU gets.
    ///
    /// libvirt hands the model's name and the features in the document to QEMU, so the model is what QEMU, and this
    /// catalog, has under the name; what libvirt's own definition says besides is in the notes. The description of a
    /// host is libvirt's alone, and there its definition counts: the expression then spells out the difference.
    ///
    /// - Parameter name: what errors call the document.
    /// - Throws: ``FormatError`` when the catalog has no such model.
    public func imported(into catalog: ModelCatalog, name: String) throws(FormatError) -> ImportedModel {
        var imported: ImportedModel
        if mode == .custom || isHostDescription {
            imported = try importedModel(catalog, name)
        } else {
            let base = mode == .maximum || isMigratable == false ? "max" : "host"
            imported = ImportedModel(
                try ModelExpression(base: base, added: required, removed: disabled, file: name))
            if mode == .hostModel {
                imported.notes.append("The mode host-model is whatever the host is on which the guest starts first.")
            }
        }
        imported.optional = optional
        imported.physicalAddressBits = physicalAddressBits
        addNotes(&imported)
        return imported
    }

    private func importedModel(_ catalog: ModelCatalog, _ name: String) throws(FormatError) -> ImportedModel {
        guard let model else { throw FormatError(.unsupported, file: name, "the CPU names no model") }
        guard let version = catalog.version(named: model) else {
            throw FormatError(unknownModel: model, in: catalog, file: name)
        }
        let definition = LibvirtModels.shared[model]?.features
        guard isHostDescription, let definition else {
            var imported = ImportedModel(
                try ModelExpression(base: model, added: required, removed: disabled, file: name))
            let silent = (definition ?? []).subtracting(version.features).subtracting(required).subtracting(disabled)
            if !silent.isEmpty {
                imported.notes.append(
                    "libvirt counts \(silent.nameList) as part of \(model); QEMU's model does not have it, and neither "
                        + "has the guest.")
            }
            return imported
        }
        let all = definition.union(required).subtracting(disabled)
        var imported = ImportedModel(
            try ModelExpression(
                base: model, added: all.subtracting(version.features),
                removed: version.features.subtracting(all).intersection(Self.nameable), file: name))
        if let signature, signature != version.signature { imported.signature = signature }
        return imported
    }

    private func addNotes(_ imported: inout ImportedModel) {
        let forced = features(with: .force)
        if !forced.isEmpty {
            imported.notes.append("\(forced.nameList): forced on the guest there; here it must be on the host.")
        }
        let forbidden = features(with: .forbid)
        if !forbidden.isEmpty {
            imported.notes.append(
                "\(forbidden.nameList): must not be on the host there; here the guest does not get it.")
        }
        if match == "minimum" {
            imported.notes.append(
                "match='minimum' gives the guest all that the host has besides; here it gets the model alone.")
        }
    }

    private func features(with policy: Policy) -> FeatureSet {
        FeatureSet(features.lazy.filter { $0.policy == policy }.map(\.feature))
    }

    /// The features that libvirt has a name for.
    static let nameable = FeatureSet(
        FeatureRegistry.shared.all.lazy.filter { $0.name(in: .libvirt) != nil }.map(\.feature))
}
