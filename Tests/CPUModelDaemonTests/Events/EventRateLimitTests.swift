// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelDaemon

struct EventRateLimitTests {
    private let start = ContinuousClock.now
    private let source = EventRateLimit.Source(kind: .clientRefused, user: 1000)

    @Test func soManyAreAdmittedAndTheRestAreCounted() {
        var limit = EventRateLimit()
        let admitted = (0..<EventRateLimit.burst + 7).map { _ in limit.admits(source, at: start) }
        let expected = (0..<EventRateLimit.burst + 7).map { $0 < EventRateLimit.burst }
        #expect(admitted == expected)
        let told = limit.finish(at: start + EventRateLimit.window)
        #expect(told.map(\.count) == [7])
        #expect(told.map(\.source) == [source])
        #expect(limit.isEmpty)
    }

    @Test func aWhileLaterAsManyAreAdmittedAgain() {
        var limit = EventRateLimit()
        let first = (0..<EventRateLimit.burst).map { _ in limit.admits(source, at: start) }
        let later = limit.admits(source, at: start + EventRateLimit.window)
        #expect(!first.contains(false) && later)
    }

    @Test func whatWasSuppressedIsToldBeforeMoreIsAdmitted() {
        var limit = EventRateLimit()
        for _ in 0...EventRateLimit.burst { _ = limit.admits(source, at: start) }
        let later = start + EventRateLimit.window
        let isAdmittedUntold = limit.admits(source, at: later)
        let told = limit.finish(at: later)
        let isAdmittedTold = limit.admits(source, at: later)
        #expect(!isAdmittedUntold && isAdmittedTold)
        #expect(told.map(\.count) == [2])
    }

    @Test func usersAndKindsDoNotTouchEachOther() {
        var limit = EventRateLimit()
        for _ in 0...EventRateLimit.burst { _ = limit.admits(source, at: start) }
        let others = [
            EventRateLimit.Source(kind: .clientRefused, user: 1001),
            EventRateLimit.Source(kind: .clientRefused, user: nil),
            EventRateLimit.Source(kind: .accessRefused, user: 1000),
        ].map { limit.admits($0, at: start) }
        #expect(others == [true, true, true])
        let isAdmitted = limit.admits(source, at: start)
        #expect(!isAdmitted)
    }

    @Test func nothingIsToldBeforeItsTime() {
        var limit = EventRateLimit()
        for _ in 0...EventRateLimit.burst { _ = limit.admits(source, at: start) }
        let early = limit.finish(at: start + .seconds(1))
        let all = limit.finishAll()
        #expect(early.isEmpty)
        #expect(all.map(\.count) == [1])
    }

    /// What a VM's CPU story is made of is always recorded.
    @Test func whatHappensToVMsIsNoNoise() {
        let noise = Event.Kind.allCases.filter(\.isNoise)
        #expect(noise == [.internalError, .accessRefused, .clientRefused])
        #expect(noise.allSatisfy { !$0.rawValue.hasPrefix("vm-") })
    }
}
