// SPDX-License-Identifier: Apache-2.0

import Spelling
import Testing

@Suite struct NamePatternTests {
    @Test(arguments: ["milan", "EPYC", "v2", "", "EPYC-*", "*-v?", "*", "epyc-milan-v2", "*m*l*n*"])
    func matches(_ pattern: String) {
        #expect(NamePattern(pattern).matches("EPYC-Milan-v2"))
    }

    @Test(arguments: ["rome", "*-v", "v?", "EPYC?", "E*x*", "?"])
    func doesNotMatch(_ pattern: String) {
        #expect(!NamePattern(pattern).matches("EPYC-Milan-v2"))
    }

    @Test func wholeNamesAreNoParts() {
        #expect(NamePattern(whole: "epyc-milan-v2").matches("EPYC-Milan-v2"))
        #expect(NamePattern(whole: "epyc*").matches("EPYC-Milan-v2"))
        #expect(!NamePattern(whole: "Milan").matches("EPYC-Milan-v2"))
    }

    @Test func manyStarsAreNotSlow() {
        #expect(!NamePattern(String(repeating: "a*", count: 40) + "b").matches(String(repeating: "a", count: 4000)))
    }
}
