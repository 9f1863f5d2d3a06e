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
///
/// Cancellation may even come before the sleep: the task can be suspended at every call on its way in, after it has
/// looked whether it is cancelled and before there is anything to resume.
@ReactorActor
final class Sleeper {
    private enum State {
        case awake
        case asleep(CheckedContinuation<Void, any Error>, TimerToken)
        case done
        case cancelled
    }

    private var state = State.awake

    nonisolated init() {}

    func sleep(for delay: Duration) async throws {
        try Task.checkCancellation()
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            if case .cancelled = state { return continuation.resume(throwing: CancellationError()) }
            let timer = Reactor.main.schedule(after: delay) { self.wake() }
            state = .asleep(continuation, timer)
        }
    }

    func cancel() {
        switch state {
        case .awake:
            state = .cancelled
        case .asleep(let continuation, let timer):
            state = .cancelled
            Reactor.main.cancel(timer)
            continuation.resume(throwing: CancellationError())
        case .done, .cancelled:
            break
        }
    }

    private func wake() {
        guard case .asleep(let continuation, _) = state else { return }
        state = .done
        continuation.resume()
    }
}
