// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import GuestCPU
import Reactor
import Spelling

/// Which VMs a `vm.list` is about, by what their records tell.
@ReactorActor
struct VMFilter {
    /// What a VM's model must be.
    private enum ModelMatch {
        case any
        /// Any version of the model.
        case model(String)
        /// This version.
        case version(String)
        case pattern(NamePattern)
    }

    private let catalog: ModelCatalog
    private let model: ModelMatch
    private let unit: NamePattern?
    private let verdict: Verdict?
    private let olderVersion: Bool
    private let inconsistent: Bool

    /// - Parameter vms: all of them; some may have models that the catalog has no more.
    init(_ parameters: ListVMsParameters, catalog: ModelCatalog, among vms: [RegisteredVM]) throws(APIError) {
        self.catalog = catalog
        model =
            try parameters.model.map { name throws(APIError) in
                try Self.match(name, catalog: catalog, among: vms)
            } ?? .any
        unit = parameters.unit.map { NamePattern(whole: $0) }
        verdict = parameters.verdict
        olderVersion = parameters.olderVersion
        inconsistent = parameters.inconsistent
    }

    private static func match(
        _ name: String, catalog: ModelCatalog, among vms: [RegisteredVM]
    ) throws(APIError) -> ModelMatch {
        if NamePattern.isPattern(name) { return .pattern(NamePattern(whole: name)) }
        if let model = catalog.model(named: name) {
            return model.name == name ? .model(name) : .version(catalog.version(named: name)?.name ?? name)
        }
        if vms.contains(where: { $0.record.model == name }) || ["host", "max"].contains(name) { return .version(name) }
        throw APIError(unknownModel: name, in: catalog)
    }

    /// Whether the VM is one of those that are meant, features apart.
    func admits(_ vm: RegisteredVM) -> Bool {
        let record = vm.record
        if let verdict, record.report.verdict != verdict { return false }
        if inconsistent, vm.record.report.isConsistent { return false }
        if let unit, !(record.owner.unit.map(unit.matches) ?? false) { return false }
        if olderVersion, newest(of: record) == nil { return false }
        return switch model {
        case .any: true
        case .model(let name): catalog.model(named: record.model)?.name == name
        case .version(let name): record.model == name
        case .pattern(let pattern): pattern.matches(record.model)
        }
    }

    /// The newest version of the VM's model, where it runs an older one.
    func newest(of record: VMRecord) -> String? {
        guard let newest = catalog.model(named: record.model)?.versions.last,
            let own = catalog.version(named: record.model), own.number < newest.number
        else { return nil }
        return newest.name
    }
}
