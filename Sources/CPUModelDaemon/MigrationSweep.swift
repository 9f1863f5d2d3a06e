// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import GuestCPU
import Reactor
import X86CPU

/// Whether VMs could run on hosts, many VMs at once. Equal stamps mean equal CPUs, so each distinct CPU is checked once,
/// whatever the number of VMs that have it.
@ReactorActor
struct MigrationSweep {
    /// The VMs in their order, each with the place of its answer.
    private(set) var vms: [MigrationSweepResult.VM] = []
    /// The distinct answers.
    private(set) var answers: [MigrationCheck] = []

    private var positions: [Stamp: Int] = [:]

    /// - Parameters:
    ///   - source: the host that they run on; nil for anywhere.
    ///   - detector: the models to find a fitting one in; nil where none is wanted.
    init(
        _ vms: [RegisteredVM], from source: CPUDescription?, onto hosts: [CPUDescription],
        models detector: ModelDetector? = nil
    ) {
        for vm in vms {
            let record = vm.record
            // A VM whose vCPUs differ can run only where each of them can.
            let answers = vm.stampGroups.map { group in
                answer(for: group.stamp) {
                    let guest = CPUDescription(
                        record.tables[group.first], msrs: record.featureMSRs, name: record.name)
                    return MigrationCheck(guest, from: source, onto: hosts, models: detector)
                }
            }
            guard let answer = answers.first(where: { !self.answers[$0].isPossible }) ?? answers.first else { continue }
            self.vms.append(.init(name: record.name, expression: record.expression, answer: answer))
        }
    }

    private mutating func answer(for stamp: Stamp, check: () -> MigrationCheck) -> Int {
        if let position = positions[stamp] { return position }
        answers.append(check())
        positions[stamp] = answers.count - 1
        return answers.count - 1
    }
}
