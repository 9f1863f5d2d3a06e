// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelControl

@Suite struct CPUListTests {
    @Test(
        arguments: [("0", [0]), ("0-3,8", [0, 1, 2, 3, 8]), ("5,1-2", [5, 1, 2]), ("4095", [4095])]
            as [(String, [Int64])])
    func listsAreRead(_ text: String, _ numbers: [Int64]) {
        #expect(CPUList.parse(text) == numbers)
    }

    @Test(arguments: [
        "", ",", "1,", "3-1", "-1", "+1", "1-2-3", "a", " 1", "0-9999999999", "99999999999999999999", "0-4095,0",
    ])
    func othersAreNot(_ text: String) {
        #expect(CPUList.parse(text) == nil)
    }

    @Test func neighboursAreWrittenAsRanges() {
        #expect(CPUList.format([0, 1, 2, 4, 6, 7]) == "0-2,4,6-7")
        #expect(CPUList.format([2, 1, 0]) == "2,1,0")
        #expect(CPUList.format([.max]) == "\(Int64.max)")
        #expect(CPUList.format([]) == "")
    }
}
