// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@testable import CPUModelControl

@Suite struct TopologyTextTests {
    @Test func fiveCountsAreATopology() {
        #expect(
            TopologyText.parse("2:1:1:8:2") == ["sockets": 2, "dies": 1, "modules": 1, "cores": 8, "threads": 2])
    }

    @Test(arguments: ["", "1", "1:1:1:1", "1:1:1:1:1:1", "0:1:1:1:1", "1:1:1:1:-1", "1:1:1::1", "a:1:1:1:1"])
    func anythingElseIsNone(_ text: String) {
        #expect(TopologyText.parse(text) == nil)
    }

    @Test(arguments: [
        ("1:1:1:1:1", "1 socket"), ("2:2:1:1:1", "2 sockets x 2 dies"),
        ("1:1:2:4:2", "1 socket x 2 modules x 4 cores x 2 threads"),
    ])
    func levelsOfOneAreLeftOut(_ text: String, _ words: String) throws {
        var reader = ObjectReader(try #require(TopologyText.parse(text)), path: "topology")
        #expect(try TopologyText.describe(&reader) == words)
    }
}
