// SPDX-License-Identifier: Apache-2.0

import CPUModelClient
import CPUModelControl
import JSON
import Testing

@Suite struct PrintableTests {
    private static let hostile = "a\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}b\u{7f}\u{2028}\n\t\u{200b}é"

    @Test func controlCharactersAreEscaped() {
        #expect(
            Self.hostile.printable
                == "a\\u{1b}]0;owned\\u{7}\\u{9b}2J\\u{202e}b\\u{7f}\\u{2028}\\u{a}\\u{9}\\u{200b}é")
    }

    @Test func ordinaryTextStaysAsItIs() {
        #expect("Intel(R) Xeon(R) \\ \"é\" 日本".printable == "Intel(R) Xeon(R) \\ \"é\" 日本")
    }

    @Test func jsonForTerminalIsTheSameValueWithoutControlCharacters() throws {
        let value: JSONValue = ["a\u{9b}": .string(Self.hostile + "\u{e0001}")]
        let text = jsonText(value, forTerminal: true)
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || (" "..."~").contains($0) || $0 == "é" })
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test func jsonForProgramsIsOneLine() throws {
        let value: JSONValue = ["a": [1, "\n"]]
        #expect(jsonText(value, forTerminal: false) == "{\"a\":[1,\"\\n\"]}\n")
    }

    @Test func errorsCannotReachTheTerminalEither() {
        let error = DaemonError(
            code: -32001, message: "No model \(Self.hostile).", data: ["suggestion": .string(Self.hostile + "2")])
        let text = ErrorReport.render(error, program: "p", style: OutputStyle(now: 0))
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
        #expect(!text.unicodeScalars.contains("\u{202e}"))
    }
}
