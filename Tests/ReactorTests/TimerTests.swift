// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Reactor

@Suite("Timers")
struct TimerTests {
    init() { Reactor.startThread() }

    @Test @ReactorActor func timersFireInTheOrderOfTheirDeadlines() async throws {
        var fired: [Int] = []
        for delay in [30, 10, 20, 0] {
            Reactor.main.schedule(after: .milliseconds(delay)) { fired.append(delay) }
        }
        try await Reactor.main.sleep(for: .milliseconds(60))
        #expect(fired == [0, 10, 20, 30])
    }

    @Test @ReactorActor func timersOfOneDeadlineFireInTheOrderInWhichTheyWereSet() async throws {
        var fired: [Int] = []
        for number in 0..<200 {
            Reactor.main.schedule(after: .zero) { fired.append(number) }
        }
        try await Reactor.main.sleep(for: .milliseconds(20))
        #expect(fired == Array(0..<200))
    }

    @Test @ReactorActor func aCancelledTimerDoesNotFire() async throws {
        var fired = false
        let timer = Reactor.main.schedule(after: .milliseconds(5)) { fired = true }
        Reactor.main.cancel(timer)
        try await Reactor.main.sleep(for: .milliseconds(20))
        #expect(!fired)
    }

    @Test @ReactorActor func manyCancelledTimersLeaveTheOthersInOrder() async throws {
        var fired: [Int] = []
        for number in 0..<1000 {
            let timer = Reactor.main.schedule(after: .milliseconds(5)) { fired.append(number) }
            if number % 10 != 0 { Reactor.main.cancel(timer) }
        }
        try await Reactor.main.sleep(for: .milliseconds(40))
        #expect(fired == stride(from: 0, to: 1000, by: 10).map(\.self))
    }

    @Test @ReactorActor func aTimerSetByATimerFiresLater() async throws {
        var depth = 0
        func again() {
            depth += 1
            if depth < 5 { Reactor.main.schedule(after: .zero) { again() } }
        }
        again()
        try await Reactor.main.sleep(for: .milliseconds(20))
        #expect(depth == 5)
    }

    @Test @ReactorActor func aTimeThatNeverComesIsNoOverflow() {
        let timer = Reactor.main.schedule(after: .seconds(Int64.max)) {}
        Reactor.main.cancel(timer)
    }

    @Test @ReactorActor func sleepTakesAtLeastItsTime() async throws {
        let start = ContinuousClock.now
        try await Reactor.main.sleep(for: .milliseconds(25))
        #expect(start.duration(to: .now) >= .milliseconds(25))
    }

    @Test @ReactorActor func sleepEndsWhenTheTaskIsCancelled() async throws {
        let sleeper = Task { @ReactorActor in try await Reactor.main.sleep(for: .seconds(3600)) }
        try await Reactor.main.sleep(for: .milliseconds(5))
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }

    /// The task was seen to be cancelled at a moment when it had found itself not cancelled, and did not sleep yet.
    @Test @ReactorActor func cancellationBeforeTheSleepIsNotLost() async {
        let sleeper = Sleeper()
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.sleep(for: .seconds(3600)) }
    }

    @Test @ReactorActor func cancellationAfterTheSleepIsNothing() async throws {
        let sleeper = Sleeper()
        try await sleeper.sleep(for: .zero)
        sleeper.cancel()
    }

    @Test @ReactorActor func sleepOfACancelledTaskDoesNotBegin() async {
        let sleeper = Task { @ReactorActor in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await Reactor.main.sleep(for: .seconds(3600))
        }
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }
}
