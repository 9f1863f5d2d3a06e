// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Synchronization

/// The event loop: waits for descriptors, timers and signals, and runs the code of ``ReactorActor``, all on one thread.
///
/// There is one in a process, ``main``. The thread that calls ``run(_:)`` becomes its thread. Decisions of this daemon
/// take microseconds, so one thread is enough, and nothing in it may block.
public final class Reactor: SerialExecutor, TaskExecutor {
    /// The reactor of the process.
    public static let main = Reactor()

    /// What other threads touch.
    private struct Inbox {
        var jobs: [UnownedJob] = []
        /// Whether the wake descriptor was raised since the jobs were last fetched.
        var isAwake = false
        /// -1 as long as the reactor does not run.
        var wakeDescriptor: CInt = -1
        var isStopped = false
    }

    private let inbox = Mutex(Inbox())

    /// The thread that runs the reactor; 0 as long as none does.
    private let thread = Atomic<UInt64>(0)

    private init() {}

    /// Whether the caller is on the reactor's thread.
    public var isCurrent: Bool {
        thread.load(ordering: .relaxed) == clinux_thread_self()
    }

    /// Runs until ``stop()``. The calling thread becomes the reactor's.
    ///
    /// - Parameter start: what to do first, on the reactor: register descriptors, timers, signals.
    /// - Throws: what `start` throws, or ``SystemError`` when the kernel gives no epoll or eventfd.
    public func run(_ start: @ReactorActor () throws -> Void = {}) throws {
        precondition(
            thread.compareExchange(expected: 0, desired: clinux_thread_self(), ordering: .relaxed).exchanged,
            "the reactor runs already")
        defer { thread.store(0, ordering: .relaxed) }
        try ReactorActor.assumeIsolated {
            try EventLoop.shared.open()
            inbox.withLock { $0.wakeDescriptor = EventLoop.shared.wakeDescriptor }
        }
        defer { close() }
        try ReactorActor.assumeIsolated(start)
        while !isStopped {
            runJobs()
            // Jobs that jobs have added must not wait for an event.
            let timeout: CInt = hasJobs ? 0 : -1
            try ReactorActor.assumeIsolated { try EventLoop.shared.handleEvents(timeout: timeout) }
        }
        // What was already promised is kept, as far as it needs no more events.
        runJobs()
    }

    /// Runs the reactor on a thread of its own from now on, for programs whose main thread is taken, such as tests.
    /// Whoever asks first starts it.
    public static func startThread() {
        precondition(startedThread == 0, "no thread for the reactor")
    }

    private static let startedThread: CInt = unsafe clinux_thread_start(
        "reactor",
        { _ in
            do { try Reactor.main.run() } catch { preconditionFailure("the reactor ended: \(error)") }
        }, nil)

    /// Makes ``run(_:)`` return after the events and jobs in hand. May be called from any thread.
    public func stop() {
        inbox.withLock { inbox in
            inbox.isStopped = true
            wake(&inbox)
        }
    }

    private func close() {
        inbox.withLock { inbox in
            inbox.wakeDescriptor = -1
            inbox.isStopped = false
        }
        ReactorActor.assumeIsolated { EventLoop.shared.close() }
    }

    private var isStopped: Bool { inbox.withLock { $0.isStopped } }

    private var hasJobs: Bool { inbox.withLock { !$0.jobs.isEmpty || $0.isStopped } }

    /// Sees to it that the thread does not sleep, or not for long.
    private func wake(_ inbox: inout Inbox) {
        guard !inbox.isAwake, inbox.wakeDescriptor >= 0, !isCurrent else { return }
        inbox.isAwake = true
        clinux_eventfd_raise(inbox.wakeDescriptor)
    }
}

// MARK: - Executor

extension Reactor {
    /// Takes a job of the actor, or of a task that prefers to run here; from any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        // The runtime keeps the job alive until it has run, which happens exactly once, in runJobs().
        let job = UnownedJob(job)
        inbox.withLock { inbox in
            inbox.jobs.append(job)
            wake(&inbox)
        }
    }

    /// Ends the program when the caller is not on the reactor's thread.
    public func checkIsolated() {
        precondition(isCurrent, "not on the reactor's thread")
    }

    /// Whether the caller is on the reactor's thread.
    public func isIsolatingCurrentContext() -> Bool? {
        isCurrent
    }

    /// Runs the jobs there are. Those that they add wait for the next round, so that events get their turn.
    private func runJobs() {
        let jobs = inbox.withLock { inbox in
            if inbox.isAwake {
                clinux_eventfd_clear(inbox.wakeDescriptor)
                inbox.isAwake = false
            }
            return take(&inbox.jobs)
        }
        guard !jobs.isEmpty else { return }
        // The reactor is a global constant: it outlives the references.
        let actor = unsafe asUnownedSerialExecutor()
        let task = unsafe asUnownedTaskExecutor()
        for job in jobs {
            unsafe job.runSynchronously(isolatedTo: actor, taskExecutor: task)
        }
    }

    private func take<Element>(_ array: inout [Element]) -> [Element] {
        var taken: [Element] = []
        swap(&taken, &array)
        return taken
    }
}
