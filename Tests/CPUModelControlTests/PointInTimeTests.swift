// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelControl

@Suite struct PointInTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01 00:00:00 UTC"), (-1, "1969-12-31 23:59:59 UTC"), (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_772_366_400, "2026-03-01 12:00:00 UTC"), (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"), (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (.max, "\(Int64.max) s after 1970"),
        ] as [(Int64, String)])
    func dates(_ seconds: Int64, _ text: String) {
        #expect(dateAndTime(seconds) == text)
    }

    @Test(
        arguments: [
            (-5, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (86_400, "1 day 0 h"),
            (190_000, "2 days 4 h"),
        ] as [(Int64, String)])
    func ages(_ seconds: Int64, _ text: String) {
        #expect(elapsed(seconds: seconds) == text)
    }
}
