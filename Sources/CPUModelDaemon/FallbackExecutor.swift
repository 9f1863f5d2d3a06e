// SPDX-License-Identifier: Apache-2.0

import JSONRPC
import KVM

/// Asks the owner first, and goes over to cpumodeld-inject when the owner says that it does not know `owner.execute`.
///
/// That answer is the only one behind which it is certain that the owner has not run the job, and never will.
final class FallbackExecutor: JobExecutor {
    private let owner: OwnerExecutor
    private let inject: InjectExecutor
    private var isOwnerAble = true

    init(_ owner: OwnerExecutor, else inject: InjectExecutor) {
        self.owner = owner
        self.inject = inject
    }

    /// The one that has run the jobs.
    var name: String { isOwnerAble ? owner.name : inject.name }

    nonisolated(nonsending) func execute(_ job: JobFile, on vcpus: [VCPUDescriptor]) async throws {
        if isOwnerAble {
            do {
                return try await owner.execute(job, on: vcpus)
            } catch CallError.refused(let error) where error.code == RPCError.Code.methodNotFound {
                isOwnerAble = false
            }
        }
        try await inject.execute(job, on: vcpus)
    }
}
