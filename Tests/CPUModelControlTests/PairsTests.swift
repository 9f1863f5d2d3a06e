// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelControl

@Suite struct PairsTests {
    private func lines(_ pairs: [Page.Pair], _ names: (String, String) = ("A", "B"), width: Int) -> [String] {
        var page = Page(style: OutputStyle(width: width, now: 0))
        page.pairs(pairs, of: names)
        return page.text.split(separator: "\n").map(String.init)
    }

    @Test func linesStayWithinTheWidthAndColumnsApart() {
        let words = (0..<40).map { "feature-\($0)" }
        let lines = lines([.init(label: "Label", first: words, second: words)], width: 80)
        #expect(lines.allSatisfy { $0.count <= 80 })
        let column = lines[0].firstIndex(of: "B").map { lines[0].distance(from: lines[0].startIndex, to: $0) }
        #expect(lines.dropFirst().allSatisfy { Array($0)[(column ?? 0) - 1] == " " })
    }

    @Test func aWordThatIsTooLongForHalfTheRoomHasMoreOfIt() {
        let long = String(repeating: "x", count: 45)
        let lines = lines([.init(label: "L", first: [long], second: ["y"])], width: 80)
        #expect(lines.last == "  L  \(long)  y")
    }

    @Test func whereThereIsNoRoomOneStandsBelowTheOther() {
        let lines = lines([.init(label: "Label", first: ["x"], second: ["y"])], width: 40)
        #expect(lines == ["  Label", "    A  x", "    B  y"])
    }

    @Test func ofALongNameTheEndIsShown() {
        let name = String(repeating: "folder/", count: 20) + "host.txt"
        let lines = lines([.init(label: "L", first: ["x"], second: ["y"])], (name, "B"), width: 80)
        #expect(lines[0].contains("/host.txt "))
        #expect(lines[0].count <= 80)
    }
}
