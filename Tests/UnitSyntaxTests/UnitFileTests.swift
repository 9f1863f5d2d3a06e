// SPDX-License-Identifier: Apache-2.0

import Testing
import UnitSyntax

@Suite("Files")
struct UnitFileTests {
    private func file(_ text: String) throws -> UnitFile {
        try UnitFile(parsing: Array(text.utf8), file: "x.conf")
    }

    /// What the only section of a file assigns, as `key=value` pairs.
    private func assignments(_ text: String) throws -> [String] {
        try file("[S]\n" + text).sections[0].assignments.map { "\($0.key)=\($0.value)" }
    }

    @Test("Sections and assignments keep their order and their lines")
    func order() throws {
        let file = try file("# head\n\n[A]\nOne=1\nTwo=2\n; between\n[B]\n[A]\nOne=3")
        #expect(file.sections.map(\.name) == ["A", "B", "A"])
        #expect(file.sections.map(\.location.line) == [3, 7, 8])
        #expect(file.sections[0].assignments.map(\.key) == ["One", "Two"])
        #expect(file.sections[2].assignments[0].location == SourceLocation(file: "x.conf", line: 9))
        #expect(file.merged(section: "A").map(\.value) == ["1", "2", "3"])
        #expect(file.merged(section: "C").isEmpty)
    }

    @Test(
        "An empty file, and one of comments only, has no sections", arguments: ["", "\n", "# a\n", "  ; b", " \t \n"])
    func empty(text: String) throws {
        #expect(try file(text).sections.isEmpty)
    }

    @Test(
        "Space around key, value and header is not part of them",
        arguments: ["K=v w", "K = v w", "  K\t=\tv w \t", "K=v w\t\n"])
    func space(text: String) throws {
        #expect(try assignments(text) == ["K=v w"])
        #expect(try file(" \t[ Section A ] \n").sections[0].name == "Section A")
    }

    @Test("Only the first '=' divides, and '#' and ';' in a value are part of it")
    func verbatim() throws {
        #expect(try assignments("K=a=b # c ; d") == ["K=a=b # c ; d"])
        #expect(try assignments("K=") == ["K="])
        #expect(try assignments("K= \"q\" 'r' é") == ["K=\"q\" 'r' é"])
    }

    @Test("A backslash at the end of a line joins the next to it with a space")
    func continuation() throws {
        #expect(try assignments("K=a\\\nb") == ["K=a b"])
        #expect(
            try assignments("K=value 2 \\\n       value 2 continued\nL=x") == ["K=value 2  value 2 continued", "L=x"])
        #expect(try assignments("K=a\\\n# no\n ; nor this\\\n b") == ["K=a b"])
        #expect(try assignments("K=a\\\n\nL=b") == ["K=a", "L=b"])
        #expect(try assignments("K=a\\\nb\\\nc\nL=d") == ["K=a b c", "L=d"])
        #expect(try assignments("K\\\n=a") == ["K=a"])
    }

    @Test("A doubled backslash at the end of a line is one of the value's own")
    func doubledBackslash() throws {
        #expect(try assignments("K=a\\\\\nL=b") == ["K=a\\\\", "L=b"])
        #expect(try assignments("K=a\\\\\\\nb") == ["K=a\\\\ b"])
    }

    @Test("An assignment stands where it starts")
    func continuationLine() throws {
        let section = try file("[S]\nK=a\\\nb\nL=c").sections[0]
        #expect(section.assignments.map(\.location.line) == [2, 4])
    }

    @Test(
        "Errors name file and line and say what to do",
        arguments: [
            ("K=v", #"x.conf:1: "K" is assigned before the first section header"#),
            ("[S]\n\nnonsense", #"x.conf:3: there is no '=' in "nonsense""#),
            ("[S]\n =v", "x.conf:2: there is no key before the '='"),
            ("[S]\na b=v", #"x.conf:2: "a b" is no key; keys are made of letters, digits, '-', '_' and '.'"#),
            ("[S\nK=v", #"x.conf:1: "[S" is no section header; write it as [Name]"#),
            ("[]", #"x.conf:1: "[]" is no section header; write it as [Name]"#),
            ("[ ]", #"x.conf:1: "[ ]" is no section header; write it as [Name]"#),
            ("[", #"x.conf:1: "[" is no section header; write it as [Name]"#),
            ("[A] # x", #"x.conf:1: "[A] # x" is no section header; write it as [Name]"#),
            ("[A][B]", #"x.conf:1: "[A][B]" is no section header; write it as [Name]"#),
            ("[S]\r\nK=v\r\n", "x.conf:1: the line ends in CR LF; save the file with Unix line ends"),
            ("[S]\nK=a\rb", "x.conf:2: the line contains the control character 0x0d"),
            ("[S]\nK=a\u{0}b", "x.conf:2: the line contains the control character 0x00"),
            ("[S]\n# \u{1B}[0m", "x.conf:2: the line contains the control character 0x1b"),
            ("[S]\nK=\u{7F}", "x.conf:2: the line contains the control character 0x7f"),
            ("[S]\nK=a\\\nb\\", "x.conf:2: the file ends in a line that a backslash continues"),
            (
                "[S]\nK=a\\ \nb",
                "x.conf:2: space follows the backslash at the end of the line, so that it continues nothing"
            ),
            ("\u{FEFF}[S]", "x.conf:1: the file starts with a byte order mark; save it as UTF-8 without one"),
        ])
    func errors(text: String, message: String) {
        let error = #expect(throws: UnitSyntaxError.self) { try file(text) }
        #expect(error?.description == message)
    }

    @Test(
        "Bytes that are not UTF-8 are refused, even in comments",
        arguments: [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80]])
    func utf8(sequence: [UInt8]) {
        let error = #expect(throws: UnitSyntaxError.self) {
            try UnitFile(parsing: Array("[S]\n\n# ".utf8) + sequence, file: "x")
        }
        #expect(error?.description == "x:3: the line is not UTF-8")
    }

    @Test("A long line is shown cut")
    func longLine() {
        let error = #expect(throws: UnitSyntaxError.self) { try file("[S]\n" + String(repeating: "é", count: 1000)) }
        #expect(error?.message == "there is no '=' in \"\(String(repeating: "é", count: 64))...\"")
    }
}
