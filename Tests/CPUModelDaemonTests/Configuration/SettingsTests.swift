// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelDaemon

/// The keys, the file that explains them, and the text that --check-config prints.
struct SettingsTests {
    private let root = TemporaryDirectory()

    private func load(_ text: String) throws -> LoadedConfiguration {
        try ConfigurationSource(ConfigurationFiles(path: root.write("cpumodeld.conf", text))).load()
    }

    private func values(_ configuration: Configuration) -> [[String]] {
        Configuration.settings.map { $0.values(configuration) }
    }

    /// The file that is installed.
    private var shippedFile: String {
        get throws {
            let path = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
            return String(
                decoding: try RegularFile.contents(of: "/\(path)/config/cpumodeld.conf"), as: UTF8.self)
        }
    }

    /// The shipped file with the comment signs taken from the options in it.
    private var uncommented: String {
        get throws {
            try shippedFile.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                let isOption = line.firstMatch(of: /^#[A-Z][A-Za-z]*=/) != nil
                return String(isOption ? line.dropFirst() : line)
            }.joined(separator: "\n")
        }
    }

    @Test func aKeyIsOfOneSectionOnly() {
        let keys = Configuration.settings.map(\.key)
        #expect(Set(keys).count == keys.count)
    }

    @Test func theShippedFileChangesNothing() throws {
        #expect(try load(shippedFile).origins.isEmpty)
    }

    @Test func theShippedFileHasEveryOptionAtItsDefault() throws {
        let loaded = try load(uncommented)
        #expect(values(loaded.configuration) == values(Configuration()))
        #expect(loaded.origins.keys.sorted() == Configuration.settings.map(\.key).sorted())
    }

    @Test func theShippedFileSaysWhatNeedsARestart() throws {
        let paragraphs = try shippedFile.replacing("\n#", with: "\n").split(separator: "\n\n")
        for setting in Configuration.settings {
            let paragraph = try #require(paragraphs.first { $0.contains("\n\(setting.key)=") }, "\(setting.key)")
            let text = paragraph.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(text.contains("need a restart") == (setting.effect == .onRestart), "\(setting.key)")
        }
    }

    @Test func theTextOfAConfigurationMakesItAgain() throws {
        let text = """
            [Daemon]
            Models=/a "/b c"
            DefinedModels=
            SocketMode=0600
            OwnerDeadlineSec=1500ms
            Log=stderr
            [Executors]
            Inject=
            Owner=0 12345
            InjectDeadlineSec=1min
            [Limits]
            Connections=7
            MessageSize=5000
            """
        let loaded = try load(text)
        let again = try load(loaded.text)
        #expect(values(again.configuration) == values(loaded.configuration))
        #expect(values(loaded.configuration) != values(Configuration()))
        #expect(try load(load("").text).text.contains("Inject=*"))
    }

    @Test func theTextSaysWhereValuesComeFrom() throws {
        let lines = try load("[Limits]\nConnections=7\n").text.split(separator: "\n").map(String.init)
        let index = try #require(lines.firstIndex(of: "Connections=7"))
        #expect(lines[index - 1] == "# \(root.path)/cpumodeld.conf:2")
        #expect(lines[index + 1] == "# default")
        #expect(lines[index + 2] == "MessageSize=16M")
    }

    @Test func aReloadTakesOverWhatItCannotChange() {
        var (old, new) = (Configuration(), Configuration())
        old.socketPath = "/old"
        new.maximumConnections = 7
        for setting in Configuration.settings where setting.effect == .onRestart { setting.copy(old, &new) }
        #expect(new.socketPath == "/old")
        #expect(new.maximumConnections == 7)
    }
}
