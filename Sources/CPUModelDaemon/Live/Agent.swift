// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSONRPC
import KVM
import Reactor
import X86CPU

/// The connection by which a VM's owner lets its vCPUs be read at any time.
///
/// A job waits for its vCPU to leave KVM_RUN, so there is one a vCPU, and none to a vCPU that still has one to answer.
@ReactorActor
final class Agent {
    let connection: Connection
    private var busy: Set<Int> = []

    init(_ connection: Connection) { self.connection = connection }

    /// What KVM says of one vCPU.
    struct Reading: Sendable {
        let table: CPUIDTable
        let registers: VCPURegisters
        /// The feature MSRs that were asked for, as far as the vCPU has them.
        let featureMSRs: [UInt32: UInt64]
    }

    /// Why a vCPU could not be read.
    enum Failure: Error, CustomStringConvertible {
        /// It has been in KVM_RUN since an earlier reading.
        case stillBusy
        /// It did not leave KVM_RUN in time.
        case deadline(Duration)
        /// The agent has gone.
        case gone
        /// The agent would not, or KVM would not, or the answer makes no sense.
        case other(String)

        /// The rest of a sentence that begins with "the owner's agent could not read the vCPU: ".
        var description: String {
            switch self {
            case .stillBusy: "it has been in KVM_RUN since it was last asked for"
            case .deadline(let time): "it did not leave KVM_RUN within \(Int(time / .milliseconds(1))) ms"
            case .gone: "its connection ended"
            case .other(let reason): reason
            }
        }
    }

    /// Reads one vCPU.
    ///
    /// - Parameter msrs: feature MSRs to read beside the registers.
    func read(
        _ vcpu: VCPUDescriptor, at index: Int, msrs: [UInt32] = [], within deadline: Duration
    ) async throws(Failure) -> Reading {
        guard busy.insert(index).inserted else { throw .stillBusy }
        let registers = RegisterReading(vcpuCount: 1)
        let steps =
            [JobStep(.getCPUID(capacity: CPUIDTable.maximumCount), vcpu: 0)] + registers.steps
            + msrs.map { JobStep(.getMSRs([$0]), vcpu: 0) }
        let results: [JobResult]
        do {
            results = try await run(steps, on: vcpu, at: index, within: deadline)
        } catch {
            switch error {
            case .deadline: break
            default: busy.remove(index)
            }
            throw error
        }
        busy.remove(index)
        return try reading(results, registers)
    }

    private func run(
        _ steps: [JobStep], on vcpu: VCPUDescriptor, at index: Int, within deadline: Duration
    ) async throws(Failure) -> [JobResult] {
        let executor = OwnerExecutor(connection: connection, deadline: deadline) { [weak self] in
            self?.busy.remove(index)
        }
        do {
            let job = try JobFile(steps, vcpuCount: 1)
            try await executor.execute(job, on: [vcpu])
            return try job.results()
        } catch let error as CallError {
            switch error {
            case .gone: throw .gone
            case .deadline(let time): throw .deadline(time)
            case .refused(let error): throw .other(error.message)
            case .malformed: throw .other("\(error)")
            }
        } catch {
            throw .other("\(error)")
        }
    }

    private func reading(_ results: [JobResult], _ registers: RegisterReading) throws(Failure) -> Reading {
        switch results.first {
        case .table(let stored):
            let behind = results.dropFirst()
            var msrs: [UInt32: UInt64] = [:]
            for case .msrs(let values) in behind.dropFirst(registers.steps.count) { msrs.merge(values) { $1 } }
            return Reading(
                table: stored.table,
                registers: registers.registers(from: behind.prefix(registers.steps.count))[0], featureMSRs: msrs)
        case .failed(let errno): throw .other("\(KVMError("KVM_GET_CPUID2", errno: errno))")
        default: throw .other("its answer has no table")
        }
    }
}
