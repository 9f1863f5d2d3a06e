// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization

/// Runs what blocks on a thread of its own, so that a task that waits for it holds up no thread of the pool on which all
/// tasks run.
func onThread<Success: Sendable>(_ body: @escaping @Sendable () -> Success) async -> Success {
    await withCheckedContinuation { continuation in
        let work = ThreadWork { continuation.resume(returning: body()) }
        // The thread takes the reference over.
        let context = unsafe Unmanaged.passRetained(work).toOpaque()
        let result = unsafe clinux_thread_start(
            "cpumodel",
            { context in
                guard let context = unsafe context else { return }
                unsafe Unmanaged<ThreadWork>.fromOpaque(context).takeRetainedValue().run()
            }, context)
        // Where there is no thread to be had, blocking this one is the lesser evil.
        if result < 0 { unsafe Unmanaged<ThreadWork>.fromOpaque(context).takeRetainedValue().run() }
    }
}

private final class ThreadWork: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
