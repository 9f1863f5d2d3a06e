// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import Reactor
import Synchronization
import Testing

@Suite("Executor")
struct ExecutorTests {
    init() { Reactor.startThread() }

    @ReactorActor private static var counter = 0

    @Test func theActorRunsOnTheReactorsThread() async {
        #expect(!Reactor.main.isCurrent)
        await { @ReactorActor in
            #expect(Reactor.main.isCurrent)
            ReactorActor.shared.assertIsolated()
            #expect(ReactorActor.assumeIsolated { 42 } == 42)
        }()
        #expect(!Reactor.main.isCurrent)
    }

    @Test func handlersMayAssumeTheActor() async throws {
        let isIsolated = Mutex(false)
        await { @ReactorActor in
            _ = Reactor.main.schedule(after: .zero) {
                ReactorActor.assumeIsolated { isIsolated.withLock { $0 = true } }
            }
        }()
        try await Reactor.main.sleep(for: .milliseconds(5))
        #expect(isIsolated.withLock { $0 })
    }

    @Test func jobsFromManyTasksRunOneAtATime() async {
        await withTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    for _ in 0..<100 {
                        await { @ReactorActor in Self.counter += 1 }()
                    }
                }
            }
        }
        #expect(await { @ReactorActor in Self.counter }() == 5000)
    }

    @Test func assumingTheActorElsewhereEndsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            Reactor.startThread()
            ReactorActor.assumeIsolated {}
        }
    }

    @Test func stopMakesRunReturnAfterTheJobsInHand() async {
        await #expect(processExitsWith: .exitCode(7)) {
            try Reactor.main.run {
                Task { @ReactorActor in Reactor.main.stop() }
            }
            // A reactor that was stopped can run again.
            try Reactor.main.run {
                Reactor.main.schedule(after: .milliseconds(1)) { Reactor.main.stop() }
            }
            exit(7)
        }
    }

    @Test func whatTheStartThrowsRunThrows() async {
        await #expect(processExitsWith: .exitCode(7)) {
            do {
                try Reactor.main.run { throw SystemError(errno: EIO, operation: "start") }
            } catch is SystemError {
                exit(7)
            }
        }
    }

    @Test func signalsReachTheirHandlers() async {
        await #expect(processExitsWith: .exitCode(7)) {
            try Reactor.main.run {
                var seen: [CInt] = []
                try Reactor.main.onSignal(SIGHUP, SIGUSR1) { signal in
                    precondition(signal.sender == getpid())
                    seen.append(signal.number)
                }
                try Reactor.main.onSignal(SIGTERM) { _ in
                    if seen.sorted() == [SIGHUP, SIGUSR1] { exit(7) }
                    exit(1)
                }
                // To this thread: the test runner has others, which have not blocked these signals.
                for signal in [SIGHUP, SIGUSR1] { raise(signal) }
                Reactor.main.schedule(after: .milliseconds(10)) { raise(SIGTERM) }
            }
        }
    }
}
