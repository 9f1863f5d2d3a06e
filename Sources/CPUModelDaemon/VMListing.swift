// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Glibc
import JSONRPC
import Reactor
import X86CPU

/// `vm.list`: the registered VMs, or those that a question is about.
///
/// What the records tell comes first. Running vCPUs are looked at for features that come and go with the guest's state
/// alone, and only in the VMs that are left by then, all at once.
@ReactorActor
final class VMListing {
    private let registry: VMRegistry
    private let models: ModelService
    private let host: HostState
    private let live: LiveService
    private let features = StaticFeatures()

    init(registry: VMRegistry, models: ModelService, host: HostState, live: LiveService) {
        self.registry = registry
        self.models = models
        self.host = host
        self.live = live
    }

    /// Answers.
    func list(_ parameters: ListVMsParameters) async throws -> Reply {
        let wanted = try Feature.named(parameters.with)
        let all = registry.allEntries
        let filter = try VMFilter(parameters, catalog: models.catalog, among: all)
        features.prune(keeping: all)
        var rows = all.compactMap { vm in
            filter.admits(vm) ? Row(vm, newest: filter.newest(of: vm.record)) : nil
        }
        if !wanted.isEmpty { rows = try await narrow(rows, to: wanted, within: .milliseconds(parameters.deadlineMs)) }
        return .value(VMListResult(rows.map(\.answer)))
    }

    /// A VM on its way into the list.
    private struct Row {
        let vm: RegisteredVM
        var answer: VMListResult.VM

        @ReactorActor
        init(_ vm: RegisteredVM, newest: String?) {
            self.vm = vm
            answer = VMListResult.VM(vm.record, newestVersion: newest)
        }
    }

    // MARK: Features

    private func narrow(_ rows: [Row], to wanted: [Feature], within deadline: Duration) async throws -> [Row] {
        var rows = rows.compactMap { row -> (row: Row, survey: FeatureSurvey)? in
            let survey = FeatureSurvey(
                record: row.vm.record, sets: features.sets(of: row.vm, on: host.host),
                recordAgeMs: Self.age(of: row.vm.record))
            let isLeft = wanted.allSatisfy { survey.isRuntime($0) || survey.recorded($0).isPossible }
            return isLeft ? (row, survey) : nil
        }
        let asked = rows.indices.filter { position in wanted.contains { rows[position].survey.isRuntime($0) } }
        let sightings = try await look(
            at: asked.map { rows[$0].row.vm }, within: deadline,
            tellsFeatures: wanted.contains { $0 == .hle || $0 == .rtm })
        var seen: [Int: [CapsResult.VCPU]] = [:]
        for (position, vcpus) in zip(asked, sightings) { seen[position] = vcpus }

        for position in rows.indices {
            let survey = rows[position].survey
            rows[position].row.answer.holdings = wanted.map { feature in
                guard survey.isRuntime(feature) else { return survey.recorded(feature) }
                return survey.live(feature, seen[position] ?? [])
            }
        }
        return rows.map(\.row).filter { row in
            // One that has gone meanwhile is none of the VMs any more.
            row.answer.holdings.allSatisfy(\.isPossible) && registry.entry(named: row.vm.record.name) === row.vm
        }
    }

    /// What all vCPUs of these VMs may use right now.
    private func look(
        at vms: [RegisteredVM], within deadline: Duration, tellsFeatures: Bool
    ) async throws -> [[CapsResult.VCPU]] {
        let live = live
        let readings = vms.map { vm in
            ReactorActor.task {
                let all = Array(vm.record.report.vcpus.indices)
                return try await live.vcpus(all, of: vm, source: nil, within: deadline, tellsFeatures: tellsFeatures)
            }
        }
        var sightings: [[CapsResult.VCPU]] = []
        for reading in readings { sightings.append(try await reading.value) }
        return sightings
    }

    /// How long ago a VM got its tables, in milliseconds.
    static func age(of record: VMRecord) -> Int64 { max(0, Int64(time(nil)) - record.appliedAt) * 1000 }
}
