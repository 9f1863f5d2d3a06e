// SPDX-License-Identifier: Apache-2.0

/// How long things took: counts by duration, in fixed memory.
struct LatencyHistogram: Sendable {
    /// Upper bounds of the buckets, in nanoseconds: from what a query of this daemon takes to what an owner may take for
    /// a job. The last bucket has none.
    private static let bounds: [15 of UInt64] = [
        20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000,
        100_000_000, 500_000_000, 2_000_000_000, 10_000_000_000,
    ]

    private var counts: [16 of UInt64] = .init(repeating: 0)
    private var sum: UInt64 = 0

    /// Adds one.
    mutating func add(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = UInt64(max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds)) / 1_000_000_000
        var bucket = 0
        while bucket < 15, nanoseconds > Self.bounds[bucket] { bucket += 1 }
        counts[bucket] &+= 1
        sum &+= nanoseconds
    }

    /// How many there were.
    var count: UInt64 {
        var total: UInt64 = 0
        for index in 0..<16 { total += counts[index] }
        return total
    }

    /// How long all took together.
    var sumOfSeconds: Double { Double(sum) / 1e9 }

    /// For each bound, in seconds as metrics write it, how many were not above.
    var buckets: [(bound: String, count: UInt64)] {
        var total: UInt64 = 0
        var buckets: [(bound: String, count: UInt64)] = []
        for index in 0..<16 {
            total += counts[index]
            buckets.append((index < 15 ? "\(Double(Self.bounds[index]) / 1e9)" : "+Inf", total))
        }
        return buckets
    }
}
