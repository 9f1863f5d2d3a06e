// SPDX-License-Identifier: Apache-2.0

import JSON
import JSONRPC
import KVM
import Reactor

/// Has the job run by the process that sent the request: the reverse call `owner.execute` on its own connection.
struct OwnerExecutor: JobExecutor {
    let name = "owner"
    let connection: Connection
    let deadline: Duration

    nonisolated(nonsending) func execute(_ job: JobFile, on vcpus: [VCPUDescriptor]) async throws {
        let (size, steps) = (job.size, job.steps.count)
        let descriptors = [job.descriptor] + vcpus.map(\.descriptor)
        let milliseconds = deadline / .milliseconds(1)
        let answer = try await connection.call(
            "owner.execute", descriptors: descriptors, timeout: deadline
        ) { writer in
            writer.member("version", JobFile.version)
            writer.member("size", size)
            writer.member("steps", steps)
            writer.member("vcpus", vcpus.count)
            writer.member("deadlineMs", Int(milliseconds))
        }
        guard let executed = answer["executed"]?.intValue else {
            throw CallError.malformed("it does not say how many steps were executed")
        }
        let written = job.executedCount
        guard executed == written else {
            throw CallError.malformed("it says that \(executed) steps were executed, and the job says \(written)")
        }
    }
}
