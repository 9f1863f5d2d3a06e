// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Glibc
import GuestCPU
import JSON
import JSONRPC
import KVM
import Reactor
import X86CPU

/// Answers what concerns running vCPUs: what they may use right now, and whether they have still what they were given.
@ReactorActor
final class LiveService {
    private let registry: VMRegistry
    private let host: HostState
    private var preparedRules: RuntimeRules?

    init(registry: VMRegistry, host: HostState) {
        self.registry = registry
        self.host = host
    }

    /// The rules of this host, which stay what they are once it is known.
    private func rules(of host: HostCPU) -> RuntimeRules {
        let rules = preparedRules ?? RuntimeRules(host: host)
        preparedRules = rules
        return rules
    }

    /// `vm.attach`.
    func attach(_ request: Request) throws -> Reply {
        let parameters = try AttachParameters(reading: request.params, path: "params")
        let vm = try registry.attach(parameters, from: request)
        return .written { writer in
            writer.object { writer in
                writer.member("vm", vm.record.name)
                writer.member("vcpuCount", vm.record.report.vcpus.count)
                writer.member("vcpusHeld", !vm.vcpus.isEmpty)
            }
        }
    }

    /// `vm.caps`.
    func caps(_ parameters: CapsParameters) async throws -> Reply {
        let vm = try registeredVM(parameters.vm)
        let indices = try vcpus(parameters.vcpus, of: vm)
        let features = try Feature.named(parameters.features)
        let vcpus = try await self.vcpus(
            indices, of: vm, source: parameters.source, within: .milliseconds(parameters.deadlineMs))
        let survey = FeatureSurvey(record: vm.record, sets: [], recordAgeMs: VMListing.age(of: vm.record))
        return .value(
            CapsResult(
                vm: vm.record.name, isConsistent: vm.record.report.isConsistent, vcpus: vcpus,
                holdings: features.map { survey.live($0, vcpus) }))
    }

    /// `vm.verify`.
    func verify(_ parameters: VerifyParameters) async throws -> Reply {
        let verifier = try verifier()
        let deadline = Duration.milliseconds(parameters.deadlineMs)
        switch parameters.subject {
        case .all:
            return .value(VerifyResult(try await verifier.verify(registry.allEntries, within: deadline)))
        case .vm(let name):
            guard let found = try await verifier.verify(registeredVM(name), within: deadline) else {
                throw APIError(unknownVM: name, among: registry.names)
            }
            return .value(VerifyResult([found]))
        }
    }

    /// What holds VMs against their records.
    func verifier() throws(APIError) -> Verifier {
        let host = try host.required()
        return Verifier(registry: registry, rules: rules(of: host))
    }

    /// What some vCPUs of a VM may use now.
    ///
    /// - Parameter tellsFeatures: whether all features are wanted, and not only what comes and goes.
    func vcpus(
        _ indices: [Int], of vm: RegisteredVM, source: LiveSource?, within deadline: Duration,
        tellsFeatures: Bool = true
    ) async throws -> [CapsResult.VCPU] {
        let host = try host.required()
        let reading = LiveReading(
            vm, vcpus: indices, source: source, deadline: deadline, pageRefusal: pageRefusal(of: vm))
        let sightings = source == .record ? indices.map { _ in VCPUSighting() } : try await reading.run()
        var caps = caps(of: vm.record, on: host)
        caps.tellsFeatures = tellsFeatures
        return zip(indices, sightings).map { caps.vcpu($0, $1) }
    }

    /// Why registers may not be asked for in the run pages of a VM, as the rest of a sentence; nil where they may.
    func pageRefusal(of vm: RegisteredVM) -> String? {
        guard let host = host.host else { return "this host's KVM cannot be used" }
        return RunPagePermission.refusal(host: host, table: vm.record.table)
    }

    private func caps(of record: VMRecord, on host: HostCPU) -> LiveCaps {
        LiveCaps(
            record: record, host: host, rules: rules(of: host), now: .now,
            recordAgeMs: max(0, Int64(time(nil)) - record.appliedAt) * 1000)
    }

    private func registeredVM(_ name: String) throws(APIError) -> RegisteredVM {
        guard let vm = registry.entry(named: name) else { throw APIError(unknownVM: name, among: registry.names) }
        return vm
    }

    private func vcpus(_ asked: [Int]?, of vm: RegisteredVM) throws(APIError) -> [Int] {
        let count = vm.record.report.vcpus.count
        guard let asked else { return Array(0..<count) }
        if let beyond = asked.first(where: { $0 >= count }) {
            throw APIError(.badTopology, "There is no vCPU \(beyond): the VM \"\(vm.record.name)\" has \(count).")
        }
        return asked
    }
}
