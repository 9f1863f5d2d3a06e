// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelDaemon

/// The text of metrics. That all of it is valid, the end-to-end tests hold to a strict reader.
struct MetricsTextTests {
    @Test func openMetricsHaveTheirSuffixesOnSamplesOnly() {
        var text = MetricsText(.openMetrics)
        text.family("a", .counter, "Counts.") { $0.add([("x", "1"), ("y", "2")], 3) }
        text.family("b", .info, "Tells.") { $0.add([("version", "1")], 1) }
        text.gauge("c_seconds", unit: "seconds", "Is.", 0.5)
        #expect(
            text.finished() == """
                # TYPE a counter
                # HELP a Counts.
                a_total{x="1",y="2"} 3
                # TYPE b info
                # HELP b Tells.
                b_info{version="1"} 1
                # TYPE c_seconds gauge
                # UNIT c_seconds seconds
                # HELP c_seconds Is.
                c_seconds 0.5
                # EOF

                """)
    }

    @Test func theOlderFormatHasThemOnFamiliesAndKnowsNoInfo() {
        var text = MetricsText(.prometheus)
        text.counter("a", "Counts.", 3)
        text.family("b", .info, "Tells.") { $0.add([("version", "1")], 1) }
        text.gauge("c_seconds", unit: "seconds", "Is.", 0.5)
        #expect(
            text.finished() == """
                # HELP a_total Counts.
                # TYPE a_total counter
                a_total 3
                # HELP b_info Tells.
                # TYPE b_info gauge
                b_info{version="1"} 1
                # HELP c_seconds Is.
                # TYPE c_seconds gauge
                c_seconds 0.5

                """)
    }

    @Test func labelsAreEscaped() {
        var text = MetricsText(.prometheus)
        text.family("a", .gauge, "Back\\slash\nand \"quotes\".") { $0.add([("x", "\"\\\n")], 1) }
        #expect(text.finished().contains(#"# HELP a Back\\slash\nand \"quotes\"."#))
        #expect(text.finished().contains(#"a{x="\"\\\n"} 1"#))
    }

    @Test func bucketsAddUp() {
        var histogram = LatencyHistogram()
        for microseconds in [1, 20, 21, 900, 3_000_000, 100_000_000] { histogram.add(.microseconds(microseconds)) }
        let buckets = Dictionary(uniqueKeysWithValues: histogram.buckets.map { ($0.bound, $0.count) })
        #expect(buckets["2e-05"] == 2)
        #expect(buckets["5e-05"] == 3)
        #expect(buckets["0.0005"] == 3)
        #expect(buckets["0.001"] == 4)
        #expect(buckets["2.0"] == 4)
        #expect(buckets["10.0"] == 5)
        #expect(buckets["+Inf"] == 6)
        #expect(histogram.count == 6)
        #expect(abs(histogram.sumOfSeconds - 103.000942) < 1e-9)
        #expect(histogram.buckets.map(\.count) == histogram.buckets.map(\.count).sorted())
    }

    @Test func aTimeOnABoundIsNotAboveIt() {
        var histogram = LatencyHistogram()
        histogram.add(.milliseconds(1))
        #expect(histogram.buckets.first { $0.count == 1 }?.bound == "0.001")
        histogram.add(.nanoseconds(1_000_001))
        #expect(histogram.buckets.first { $0.count == 2 }?.bound == "0.002")
    }
}
