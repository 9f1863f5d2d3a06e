// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Formats
import JSONRPC
import Reactor
import X86CPU

/// Answers the questions between CPUs: what is this one called, which has more, what have they in common, who can move where.
@ReactorActor
final class AlgebraService {
    private let models: ModelService
    private let registry: VMRegistry
    private let host: HostState
    private let resolver: CPUResolver

    init(models: ModelService, registry: VMRegistry, host: HostState) {
        self.models = models
        self.registry = registry
        self.host = host
        resolver = CPUResolver(models: models, registry: registry, host: host)
    }

    /// `model.detect`.
    func detect(_ parameters: DetectParameters) throws -> Reply {
        let cpu = try resolver.cpu(parameters.cpu, as: .table)
        var names = parameters.allowed
        if parameters.vocabulary == .libvirt {
            let known = LibvirtModels.shared.all.map(\.name).filter { models.catalog.version(named: $0) != nil }
            names = names.map { names in known.filter(names.contains) } ?? known
        }
        let allowed = names.map { names in
            Dictionary(names.map { ($0, FeatureSet()) }, uniquingKeysWith: { first, _ in first })
        }
        let options = DetectionOptions(purpose: parameters.purpose == .host ? .host : .guest, allowed: allowed)
        return .value(DetectResult(try detect(cpu, options)))
    }

    /// `model.compare`.
    func compare(_ parameters: CompareParameters) throws -> Reply {
        let first = try resolver.cpu(parameters.first, as: .offered)
        let second = try resolver.cpu(parameters.second, as: .offered)
        return .value(CompareResult(CPUComparison(first, second), first: first.name, second: second.name))
    }

    /// `model.baseline`.
    func baseline(_ parameters: BaselineParameters) throws -> Reply {
        let cpus = try parameters.cpus.map { try resolver.cpu($0, as: .offered) }
        let options = Baseline.Options(
            mixesVendors: parameters.mixesVendors, onlyMigratable: parameters.onlyMigratable)
        let baseline: Baseline
        do throws(BaselineError) {
            baseline = try Baseline(of: cpus, options: options)
        } catch {
            throw APIError(.noBaseline, error.description)
        }
        var offered = baseline.cpu
        offered.features = offered.features.subtracting(GrantableFeatures.decidedByVM(vendor: offered.vendor))
        let detection = try? detect(offered, DetectionOptions(limit: 1))
        return .value(BaselineResult(baseline, offering: offered, names: cpus.map(\.name), detection: detection))
    }

    /// `vm.checkMigration`.
    func checkMigration(_ parameters: CheckMigrationParameters) throws -> Reply {
        let source = try parameters.source.map { try resolver.cpu($0, as: .offered) }
        let hosts = try parameters.hosts.map { try resolver.cpu($0, as: .offered) }
        guard let reference = parameters.guest else {
            // Registered VMs run here.
            let here = try? source ?? host.described()
            let sweep = MigrationSweep(registry.allEntries, from: here, onto: hosts, models: models.detector)
            return .value(MigrationSweepResult(vms: sweep.vms, answers: sweep.answers))
        }
        let guest = try resolver.cpu(reference, as: .table)
        return .value(
            CheckMigrationResult(MigrationCheck(guest, from: source, onto: hosts, models: models.detector)))
    }

    private func detect(_ cpu: CPUDescription, _ options: DetectionOptions) throws(APIError) -> Detection {
        do throws(DetectionError) {
            return try models.detector.detect(cpu, options: options)
        } catch {
            throw APIError(.unknownModel, error.description)
        }
    }
}
