// SPDX-License-Identifier: Apache-2.0

import Testing
import UnitSyntax

@Suite("Limits")
struct UnitLimitsTests {
    private func message(_ text: String, _ limits: UnitLimits = .init()) -> String? {
        #expect(throws: UnitSyntaxError.self) {
            try UnitFile(parsing: Array(text.utf8), file: "x", limits: limits)
        }?.description
    }

    @Test("The size is refused first")
    func size() throws {
        let limits = UnitLimits(maxBytes: 8)
        #expect(message("\u{0}[S]\nK=v1", limits) == "x:1: the file is larger than 8 bytes")
        #expect(try UnitFile(parsing: Array("[S]\nK=v1".utf8), file: "x", limits: limits).sections.count == 1)
    }

    @Test("Lines are counted")
    func lines() throws {
        let limits = UnitLimits(maxLines: 3)
        #expect(message("[S]\n\n\nK=v", limits) == "x:4: the file has more than 3 lines")
        #expect(try UnitFile(parsing: Array("[S]\n\nK=v\n".utf8), file: "x", limits: limits).sections.count == 1)
    }

    @Test("A line is measured with those that continue it")
    func lineBytes() {
        let limits = UnitLimits(maxLineBytes: 10)
        let expected = "x:2: the line, with those that continue it, is longer than 10 bytes"
        #expect(message("[S]\nK=123456789", limits) == expected)
        #expect(message("[S]\nK=1\\\n2\\\n3\\\n4\\\n5\\\n6", limits) == expected)
    }

    @Test("Very many continued lines take time linear in their number")
    func manyContinuations() throws {
        let text = "[S]\nK=" + String(repeating: "a\\\n", count: 30_000) + "a"
        let clock = ContinuousClock()
        var file: UnitFile?
        let time = try clock.measure { file = try UnitFile(parsing: Array(text.utf8), file: "x") }
        #expect(file?.sections.first?.last("K")?.value.utf8.count == 60_001)
        #expect(time < .seconds(60))
    }

    @Test("No change of one byte does worse than an error")
    func everyByteChanged() {
        let bytes = Array("[S]\nK = \"a\\x41\" \\\n# c\n b\n\n; d\nL=10s\n".utf8)
        var read = 0
        for index in bytes.indices {
            for replacement in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = replacement
                guard let file = try? UnitFile(parsing: changed, file: "x") else { continue }
                read += 1
                for assignment in file.sections.flatMap(\.assignments) {
                    _ = try? assignment.words()
                    _ = try? assignment.duration()
                }
            }
        }
        #expect(read > bytes.count)
    }
}
