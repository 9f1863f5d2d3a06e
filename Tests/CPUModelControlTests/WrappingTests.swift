// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelControl

@Suite struct WrappingTests {
    @Test func linesStayWithinTheWidth() {
        #expect(wrapped(["aa", "bb", "cc"], width: 5) == ["aa bb", "cc"])
        #expect(wrapped(["aa", "bb", "cc"], width: 4) == ["aa", "bb", "cc"])
    }

    @Test func aWordThatIsTooLongHasItsOwnLine() {
        #expect(wrapped(["a", "bbbbbb", "c"], width: 3) == ["a", "bbbbbb", "c"])
    }

    @Test func nothingIsOneEmptyLine() {
        #expect(wrapped([], width: 3) == [""])
    }
}
