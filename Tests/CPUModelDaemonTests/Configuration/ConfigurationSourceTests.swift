// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelDaemon

/// What files and command line make.
struct ConfigurationSourceTests {
    private let root = TemporaryDirectory()

    private var source: ConfigurationSource { ConfigurationSource(ConfigurationFiles(in: ["\(root.path)/etc"])) }

    private func problems(_ text: String) -> [String] {
        root.write("etc/cpumodeld.conf", text)
        do throws(ConfigurationError) {
            _ = try source.load()
            return []
        } catch {
            return error.problems.map { $0.replacing("\(root.path)/etc/", with: "") }
        }
    }

    @Test func whatIsReadLaterCounts() throws {
        root.write("etc/cpumodeld.conf", "[Limits]\nConnections=7\nMessageSize=1M\nConnections=8\n")
        root.write("etc/cpumodeld.conf.d/a.conf", "[Limits]\nConnections=9\n[Daemon]\nOwnerDeadlineSec=1min 500ms\n")
        let configuration = try source.load().configuration
        #expect(configuration.maximumConnections == 9)
        #expect(configuration.maximumMessageSize == 1 << 20)
        #expect(configuration.ownerDeadline == .milliseconds(60_500))
    }

    @Test func listsAddUpUntilAnEmptyAssignment() throws {
        root.write("etc/cpumodeld.conf", "[Daemon]\nModels=/a /b\nModels=\"/c d\"\n[Executors]\nInject=1 2\n")
        #expect(try source.load().configuration.modelDirectories == ["/a", "/b", "/c d"])
        root.write("etc/cpumodeld.conf.d/a.conf", "[Daemon]\nModels=/e\n[Executors]\nInject=3\n")
        #expect(try source.load().configuration.modelDirectories == ["/a", "/b", "/c d", "/e"])
        #expect(try source.load().configuration.injectCallers.words == ["1", "2", "3"])
        root.write("etc/cpumodeld.conf.d/b.conf", "[Daemon]\nModels=\nModels=/f\n[Executors]\nInject=\n")
        #expect(try source.load().configuration.modelDirectories == ["/f"])
        #expect(try source.load().configuration.injectCallers.words == [])
    }

    @Test func everyProblemIsToldWithFileAndLine() {
        #expect(
            problems(
                """
                [Daemon]
                Sokcet=/a
                Socket=a
                SocketMode=0999
                Log=journall
                Connections=7
                [Limts]
                Connections=x
                [Limits]
                Connections=0
                MessageSize=lots
                [Executors]
                InjectDeadlineSec=2min
                Owner=root no-such-user-here
                """) == [
                    "cpumodeld.conf:2: there is no key \"Sokcet\" in the section \"Daemon\"; did you mean \"Socket\"?",
                    "cpumodeld.conf:6: Connections= belongs to the section [Limits], not [Daemon]",
                    "cpumodeld.conf:7: there is no section \"Limts\" in this kind of file; did you mean \"Limits\"?",
                    "cpumodeld.conf:3: Socket= must be an absolute path",
                    "cpumodeld.conf:4: SocketMode= must be permission bits in octal, such as 0660",
                    "cpumodeld.conf:5: Log= must be one of auto, journal, stderr, not \"journall\"; "
                        + "did you mean \"journal\"?",
                    "cpumodeld.conf:14: Owner= names \"no-such-user-here\", and there is no such user; "
                        + "it takes users, group:NAME, unit:NAME, self, and * for everybody",
                    "cpumodeld.conf:13: InjectDeadlineSec= must be a time from 1ms to 1min, such as \"10s\" or "
                        + "\"1min 500ms\", not \"2min\"",
                    "cpumodeld.conf:10: Connections= must be an integer from 1 to 100000, not \"0\"",
                    "cpumodeld.conf:11: MessageSize= must be a size from 4096 to 67108864 bytes, such as \"512K\" or "
                        + "\"16M\", not \"lots\"",
                ])
    }

    @Test func aBadValueIsAnErrorAlsoWhereALaterOneCounts() {
        #expect(problems("[Limits]\nConnections=x\nConnections=7\n").count == 1)
    }

    @Test func allFilesAreLookedAt() {
        root.write("etc/cpumodeld.conf.d/a.conf", "nonsense\n")
        root.write("etc/cpumodeld.conf.d/b.conf", "[Limits]\nConnections=x\n")
        #expect(problems("[Daemon]\nFoo=1\n").count == 3)
    }

    @Test func theCommandLineCountsMost() throws {
        root.write("etc/cpumodeld.conf", "[Daemon]\nSocket=/a\n")
        let choice = ConfigurationSource.Override("--socket", for: "Socket") { $0.socketPath = "/b" }
        let source = ConfigurationSource(source.files, overrides: [choice])
        #expect(try source.load().configuration.socketPath == "/b")
        #expect(try source.load().origins["Socket"] == [.commandLine("--socket")])
    }

    @Test func whatACommandLineSaysWrongIsTold() {
        let choice = ConfigurationSource.Override("--models", for: "Models") {
            try $0.setModelDirectories(["/nonexistent/models"])
        }
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationSource(source.files, overrides: [choice]).load()
        }
        #expect(error?.problems.count == 1)
        #expect(error?.problems.first?.hasPrefix("--models: /nonexistent/models cannot be read: ") == true)
    }
}
