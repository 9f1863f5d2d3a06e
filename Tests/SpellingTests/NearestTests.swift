// SPDX-License-Identifier: Apache-2.0

import Spelling
import Testing

@Suite("Nearest word")
struct NearestTests {
    @Test(
        "One slip is forgiven, and two in long words",
        arguments: [
            ("modle", "model"), ("mdel", "model"), ("modell", "model"), ("nodel", "model"), ("MODEL", "model"),
            ("EPYC-Milian", "EPYC-Milan"),
            ("physicalAdressBit", "physicalAddressBits"), ("avx512vnnl", "avx512vnni"),
        ])
    func near(word: String, expected: String) {
        let candidates = ["model", "topology", "EPYC-Milan", "EPYC-Rome", "physicalAddressBits", "avx512vnni", "fds"]
        #expect(nearest(word, in: candidates) == expected)
    }

    @Test("What is not close suggests nothing", arguments: ["", "x", "zz", "colour", "epyc-genoa-v9", "modxyz"])
    func far(word: String) {
        #expect(nearest(word, in: ["model", "topology", "EPYC-Milan"]) == nil)
    }

    @Test("The closest wins, and among equals the first")
    func closest() {
        #expect(nearest("avx5", in: ["avx", "avx2", "avx512"]) == "avx")
        #expect(nearest("avx512x", in: ["avx512cd", "avx512f"]) == "avx512f")
        #expect(nearest("avx", in: ["avx2", "AVX"]) == "AVX")
        #expect(nearest("abc", in: ["abx", "aby"]) == "abx")
        #expect(nearest("abc", in: []) == nil)
    }

    @Test("A thousand names and a hostile word take no time worth mentioning")
    func hostile() {
        let candidates = (0..<1000).map { String(repeating: "a", count: 100) + String($0) }
        let time = ContinuousClock().measure {
            #expect(nearest(String(repeating: "b", count: 1 << 20), in: candidates) == nil)
            #expect(nearest(String(repeating: "b", count: 100), in: candidates) == nil)
        }
        #expect(time < .seconds(60))
    }
}
