// SPDX-License-Identifier: Apache-2.0

/// A timer that was set.
public struct TimerToken: Hashable, Sendable {
    let identifier: UInt64
}

extension Reactor {
    /// Calls the handler once, when this time has passed (CLOCK_MONOTONIC: time asleep does not count).
    @ReactorActor
    @discardableResult
    public func schedule(after delay: Duration, handler: @escaping @ReactorActor () -> Void) -> TimerToken {
        TimerToken(identifier: Timers.shared.add(after: delay, handler: handler))
    }

    /// Takes a timer back. One that has fired already is no error.
    @ReactorActor
    public func cancel(_ timer: TimerToken) {
        Timers.shared.cancel(timer.identifier)
    }

    /// Suspends the task for this time.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    @ReactorActor
    public func sleep(for delay: Duration) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await sleeper.sleep(for: delay)
        } onCancel: {
            ReactorActor.task { sleeper.cancel() }
        }
    }
}

/// One sleep: resumed exactly once, by the timer or by cancellation, whichever comes first.
@ReactorActor
private final class Sleeper {
    private enum State {
        case idle
        case asleep(CheckedContinuation<Void, any Error>, TimerToken)
        case done
    }

    private var state = State.idle

    nonisolated init() {}

    func sleep(for delay: Duration) async throws {
        try Task.checkCancellation()
        try await withCheckedThrowingContinuation { continuation in
            let timer = Reactor.main.schedule(after: delay) { self.wake(throwing: nil) }
            state = .asleep(continuation, timer)
        }
    }

    func cancel() {
        wake(throwing: CancellationError())
    }

    private func wake(throwing error: CancellationError?) {
        guard case .asleep(let continuation, let timer) = state else { return }
        state = .done
        Reactor.main.cancel(timer)
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
    }
}
