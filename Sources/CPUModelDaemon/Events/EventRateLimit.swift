// SPDX-License-Identifier: Apache-2.0

/// Keeps events that anybody can cause as often as they like from filling the journal: of each kind and user, so many in a
/// while are recorded, and the rest are counted.
struct EventRateLimit {
    /// Whose events of which kind.
    struct Source: Hashable, Sendable {
        let kind: Event.Kind
        /// The user that caused them; nil where it is not known.
        let user: UInt32?
    }

    /// How many are recorded.
    static let burst = 20
    /// In what time.
    static let window = Duration.seconds(30)

    private struct Tally {
        let start: ContinuousClock.Instant
        var recorded = 0
        var suppressed = 0
    }

    private var tallies: [Source: Tally] = [:]

    /// Whether an event is recorded. Else it is counted.
    mutating func admits(_ source: Source, at now: ContinuousClock.Instant) -> Bool {
        var tally = tallies[source] ?? Tally(start: now)
        // One that has suppressed any stays until it is told of.
        if tally.suppressed == 0, now - tally.start >= Self.window { tally = Tally(start: now) }
        let isAdmitted = tally.recorded < Self.burst
        if isAdmitted { tally.recorded += 1 } else { tally.suppressed += 1 }
        tallies[source] = tally
        return isAdmitted
    }

    /// Forgets the sources whose time is over, and says how many events each has suppressed, if any.
    mutating func finish(at now: ContinuousClock.Instant) -> [(source: Source, count: Int)] {
        let over = tallies.filter { now - $0.value.start >= Self.window }
        for source in over.keys { tallies[source] = nil }
        return over.filter { $0.value.suppressed > 0 }.map { ($0.key, $0.value.suppressed) }
            .sorted { ($0.0.kind.rawValue, $0.0.user ?? 0) < ($1.0.kind.rawValue, $1.0.user ?? 0) }
    }

    /// Forgets all sources, and says how many events each has suppressed, if any.
    mutating func finishAll() -> [(source: Source, count: Int)] {
        let all = tallies.filter { $0.value.suppressed > 0 }.map { ($0.key, $0.value.suppressed) }
        tallies = [:]
        return all
    }

    /// Whether there is anything to finish.
    var isEmpty: Bool { tallies.isEmpty }
}
