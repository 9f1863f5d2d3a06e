// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import JSONRPC
import KVM
import Reactor
import X86CPU

/// The connection by which a VM's owner lets its vCPUs be read at any time.
///
/// A job waits for its vCPU to leave KVM_RUN, so there is one a vCPU, however many ask; and none to a vCPU that still has
/// one to answer after its deadline.
@ReactorActor
final class Agent {
    let connection: Connection
    private let featureMSRs: [UInt32]
    /// vCPUs that have a job to answer.
    private var busy: Set<Int> = []
    /// What is being read, by vCPU.
    private var readings: [Int: (number: Int, task: Task<Reading, any Error>)] = [:]
    private var lastReading = 0

    /// - Parameter featureMSRs: those to read beside the registers.
    init(_ connection: Connection, featureMSRs: [UInt32]) {
        self.connection = connection
        self.featureMSRs = featureMSRs
    }

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
        case deadline
        /// The agent has gone.
        case gone
        /// The agent would not, or KVM would not, or the answer makes no sense.
        case other(String)

        /// The rest of a sentence that begins with "the owner's agent could not read the vCPU: ".
        var description: String {
            switch self {
            case .stillBusy: "it has been in KVM_RUN since it was last asked for"
            case .deadline: "it did not leave KVM_RUN in time"
            case .gone: "its connection ended"
            case .other(let reason): reason
            }
        }
    }

    /// Reads one vCPU: what it has at some time between this call and its end.
    ///
    /// Who asks while a reading is under way, of which nobody knows whether it has looked already, gets the next one,
    /// and shares it with all others who have asked meanwhile.
    func read(
        _ vcpu: VCPUDescriptor, at index: Int, until deadline: ContinuousClock.Instant
    ) async throws(Failure) -> Reading {
        let asked = lastReading
        while let current = readings[index] {
            let isShared = current.number > asked
            do {
                let reading = try await current.task.value
                if isShared { return reading }
            } catch {
                if isShared { throw error as? Failure ?? .other("\(error)") }
            }
        }
        let left = deadline - .now
        guard left > .zero else { throw .deadline }
        guard busy.insert(index).inserted else { throw .stillBusy }
        lastReading += 1
        let task = ReactorActor.task { [self] in
            defer { readings[index] = nil }
            return try await readNow(vcpu, at: index, within: left)
        }
        readings[index] = (lastReading, task)
        do { return try await task.value } catch { throw error as? Failure ?? .other("\(error)") }
    }

    private func readNow(
        _ vcpu: VCPUDescriptor, at index: Int, within deadline: Duration
    ) async throws(Failure) -> Reading {
        let registers = RegisterReading(vcpuCount: 1)
        let steps =
            [JobStep(.getCPUID(capacity: CPUIDTable.maximumCount), vcpu: 0)] + registers.steps
            + featureMSRs.map { JobStep(.getMSRs([$0]), vcpu: 0) }
        let results: [JobResult]
        do {
            results = try await run(steps, on: vcpu, at: index, within: deadline)
        } catch {
            // After a deadline the job is still the owner's; its late answer, or its end, says that it is no more.
            if case .deadline = error {} else { busy.remove(index) }
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
            case .deadline: throw .deadline
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
        case .failed(let errno): throw .other("\(SystemError(errno: errno, operation: "KVM_GET_CPUID2"))")
        default: throw .other("its answer has no table")
        }
    }
}
