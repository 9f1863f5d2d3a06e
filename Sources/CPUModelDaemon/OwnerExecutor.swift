// SPDX-License-Identifier: Apache-2.0

import JSON
import JSONRPC
import KVM
import Reactor

/// Has the job run by the process at the other end of a connection: the reverse call `owner.execute`.
struct OwnerExecutor: JobExecutor {
    let name = "owner"
    let connection: Connection
    let deadline: Duration
    /// Is called when the answer comes after the deadline, where that is no fault; or will not come any more.
    var late: (@ReactorActor () -> Void)?

    nonisolated(nonsending) func execute(_ job: JobFile, on vcpus: [VCPUDescriptor]) async throws {
        let (size, steps) = (job.size, job.steps.count)
        let descriptors = [job.descriptor] + vcpus.map(\.descriptor)
        let milliseconds = deadline / .milliseconds(1)
        let vcpuCount = vcpus.count
        func write(to writer: inout JSONWriter) {
            writer.member("version", JobFile.version)
            writer.member("size", size)
            writer.member("steps", steps)
            writer.member("vcpus", vcpuCount)
            writer.member("deadlineMs", Int(milliseconds))
        }
        let answer = try await connection.call(
            "owner.execute", descriptors: descriptors, timeout: deadline, params: write, late: late)
        guard let executed = answer["executed"]?.intValue else {
            throw CallError.malformed("it does not say how many steps were executed")
        }
        let written = job.executedCount
        guard executed == written else {
            throw CallError.malformed("it says that \(executed) steps were executed, and the job says \(written)")
        }
    }
}
