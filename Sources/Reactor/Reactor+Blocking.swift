// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Descriptors

extension Reactor {
    /// Runs what may block, such as writing a file through to the disk, on a thread of its own, and comes back to the
    /// caller's actor with the result.
    public nonisolated(nonsending) static func offThread<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value
    ) async throws(SystemError) -> Value {
        let result: Result<Value, SystemError> = await withCheckedContinuation { continuation in
            let job = BlockingJob { continuation.resume(returning: .success(work())) }
            let context = unsafe Unmanaged.passRetained(job)
            let error = unsafe clinux_thread_start("blocking", runBlockingJob, context.toOpaque())
            if error < 0 {
                unsafe context.release()
                continuation.resume(
                    returning: .failure(SystemError(errno: -error, operation: "starting a thread")))
            }
        }
        return try result.get()
    }
}

/// What a thread is to do.
private final class BlockingJob: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// The thread's body; takes over the reference that came as its context.
private func runBlockingJob(_ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Unmanaged<BlockingJob>.fromOpaque(context).takeRetainedValue().run()
}
