// SPDX-License-Identifier: Apache-2.0

import CInject
import Descriptors
import Glibc
import KVM
import Reactor

/// Has the job run in the process of the caller by cpumodeld-inject, for those that do not answer `owner.execute`.
struct InjectExecutor: JobExecutor {
    let name = "inject"
    /// The pidfd of the process that is meant.
    let owner: SharedDescriptor
    /// Whether that process says of its own seccomp filters that they kill for none of the calls.
    let filtersReturn: Bool
    /// The helper's socket.
    let socketPath: String
    /// How long the process may be stopped.
    let deadline: Duration

    nonisolated(nonsending) func execute(_ job: JobFile, on vcpus: [VCPUDescriptor]) async throws {
        let (path, owner, file) = (socketPath, owner, job.descriptor)
        let descriptors = vcpus.map(\.descriptor)
        let milliseconds = UInt32(clamping: Int(deadline / .milliseconds(1)))
        let flags = filtersReturn ? UInt32(CINJECT_TRY_FILTERED) : 0
        let answer = try await Reactor.offThread {
            withExtendedLifetime(descriptors) {
                Answer(
                    asking: path, toRun: file.number, in: owner.number, on: descriptors.map(\.number),
                    within: milliseconds, flags)
            }
        }
        switch answer {
        case .complete: return
        case .unreachable(let error): throw ApplicationError(.injectorAway(path, error), isRestored: true)
        case .silent: throw ApplicationError(.notInjected("cpumodeld-inject does not answer"), isRestored: false)
        case .incomplete(let executed, let reason):
            let changed = job.steps.prefix(executed).contains(where: \.changesVCPU)
            throw ApplicationError(.notInjected(reason), isRestored: !changed)
        }
    }

    /// What came of asking the helper.
    private enum Answer: Sendable {
        case complete
        case incomplete(executed: Int, reason: String)
        case silent
        case unreachable(errno: CInt)

        init(
            asking path: String, toRun job: CInt, in pidfd: CInt, on vcpus: [CInt], within milliseconds: UInt32,
            _ flags: UInt32
        ) {
            var reply = cinject_reply()
            let result = unsafe cinject_run(path, pidfd, job, vcpus, UInt32(vcpus.count), milliseconds, flags, &reply)
            switch -result {
            case 0 where reply.is_complete != 0: self = .complete
            case 0:
                let reason = unsafe withUnsafeBytes(of: reply.reason) { bytes in
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                self = .incomplete(executed: Int(reply.executed), reason: reason)
            case ETIMEDOUT, ECONNRESET, EPROTO, EPIPE: self = .silent
            default: self = .unreachable(errno: -result)
            }
        }
    }
}

extension JobStep {
    /// Whether the step leaves a vCPU other than it was.
    fileprivate var changesVCPU: Bool {
        switch operation {
        case .setCPUID, .restoreCPUID, .setMSRs: true
        case .getCPUID, .getMSRs, .getControlRegisters, .getXCRs: false
        }
    }
}
