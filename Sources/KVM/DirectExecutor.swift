// SPDX-License-Identifier: Apache-2.0

import CKVM
import Descriptors

/// Runs a job in the VM owner's address space.
///
/// Whoever implements this gives the job to the owner and comes back when it was run; the results are then in the file.
public protocol JobExecutor {
    /// The executor's name in answers and logs: `direct`, `owner`, `inject`.
    var name: String { get }

    /// Runs the job on these vCPUs, which are in the order of the job's indices.
    nonisolated(nonsending) func execute(_ job: JobFile, on vcpus: [VCPUDescriptor]) async throws
}

/// The executor for a process that owns the vCPUs itself.
public struct DirectExecutor: JobExecutor {
    /// `direct`.
    public let name = "direct"

    /// An executor.
    public init() {}

    /// Runs the job in this process.
    public nonisolated(nonsending) func execute(_ job: JobFile, on vcpus: [VCPUDescriptor]) async throws {
        unsafe job.executeInPlace(on: vcpus.map(\.descriptor.number)) { vcpu, request, argument in
            unsafe ckvm_run_step(vcpu, request, argument)
        }
    }
}
