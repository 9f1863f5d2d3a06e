// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import JSONRPC
import KVM
import Reactor

extension VMRegistry {
    /// Makes a connection a VM's agent, if it is one of the process that created the VM; and holds the vCPUs that came along,
    /// as they do after a restart.
    func attach(_ parameters: AttachParameters, from request: Request) throws(APIError) -> RegisteredVM {
        guard let vm = entry(named: parameters.vm) else { throw APIError(unknownVM: parameters.vm, among: names) }
        let record = vm.record
        guard vm.watch.isProcess(record.pid, of: request.peer) else {
            throw APIError(
                .notPermitted,
                "The VM \"\(record.name)\" was created by process \(record.pid), and no other can attach to it.")
        }
        guard record.requestID == parameters.requestID else {
            throw APIError(supersededBy: record)
        }
        let vcpus = try request.vcpus()
        if !vcpus.isEmpty {
            let (found, expected) = (vcpus.map(\.id), record.report.vcpus.map(\.vcpuID))
            guard found == expected else {
                throw APIError(
                    .badTopology, "These are not the vCPUs of the VM \"\(record.name)\", in their order.",
                    data: [
                        "expectedVCPUIds": .array(expected.map { .integer(Int64($0)) }),
                        "foundVCPUIds": .array(found.map { .integer(Int64($0)) }),
                    ])
            }
            hold(vcpus, of: vm)
        }
        vm.attach(Agent(request.connection, featureMSRs: record.featureMSRs.keys.sorted()))
        return vm
    }
}

extension APIError {
    /// For a request about the VM that had a name before the one that has it now.
    init(supersededBy record: VMRecord) {
        self.init(
            .nameInUse,
            "The name \"\(record.name)\" was given to other vCPUs since, by request \(record.requestID).",
            data: ["vm": .string(record.name), "pid": .integer(Int64(record.pid))])
    }
}
