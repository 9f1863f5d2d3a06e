// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelDaemon
import Glibc
import Reactor

@main
struct Main: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cpumodeld",
        abstract: "CPU models for the VMs of a KVM host",
        discussion: """
            Serves a JSON-RPC API on a Unix socket, by which VM launchers have CPU models computed and applied \
            to their vCPUs, and operators ask what guests have. Started by systemd it takes its sockets over from the socket units.

            Options on the command line count more than the configuration. On SIGHUP configuration and models are read anew; what \
            is not right as a whole changes nothing. With a configuration that is wrong the exit status is 78; a file of models \
            that is wrong is left out at start, and told.
            """,
        version: Daemon.version)

    @Option(
        help: ArgumentHelp(
            "Configuration file, with drop-ins in the directory FILE.d, in place of those in /etc, /run and /usr.",
            valueName: "file"))
    var config: String?

    @Flag(help: "Print the configuration as it is to be in force, with the origin of each value; or all that is wrong.")
    var checkConfig = false

    @Flag(help: "With --check-config: print nothing but what is wrong.")
    var quiet = false

    @Option(help: "Socket for VM launchers.")
    var socket: String?

    @Option(help: "Socket for queries.")
    var querySocket: String?

    @Option(help: ArgumentHelp("Directory of model files, in place of the configured ones; may be given repeatedly."))
    var models: [String] = []

    @Option(help: "Directory for models that are defined at run time.")
    var definedModels: String?

    @Option(
        help: ArgumentHelp(
            "Directory in which registered VMs are kept over restarts, empty for none; with --socket there is none unless given."
        ))
    var state: String?

    @Option(
        help: ArgumentHelp(
            "Directory in which is kept what this host was like; with --socket there is none unless given.",
            valueName: "directory"))
    var history: String?

    @Option(help: "Milliseconds that the owner of a VM may take to run a job.")
    var ownerDeadlineMs: Int?

    @Option(help: "Where events go: auto, journal or stderr.")
    var log: String?

    /// sysexits(3): something is wrong with the configuration.
    private static let badConfiguration = ExitCode(78)

    func validate() throws {
        if quiet, !checkConfig { throw ValidationError("--quiet is for --check-config.") }
        if let ownerDeadlineMs, ownerDeadlineMs < 1 {
            throw ValidationError("--owner-deadline-ms must be at least 1.")
        }
        if let log, Configuration.LogTarget(rawValue: log) == nil {
            throw ValidationError("--log must be auto, journal or stderr.")
        }
    }

    func run() throws {
        let source = ConfigurationSource(config.map(ConfigurationFiles.init(path:)) ?? .usual, overrides: overrides)
        do {
            if checkConfig {
                let text = try PreparedConfiguration(reading: source).checked().loaded.text
                if !quiet { print(text, terminator: "") }
            } else {
                try Self.serve(source)
            }
        } catch let error as ConfigurationError {
            for problem in error.problems { Self.complain(problem) }
            throw Self.badConfiguration
        }
    }

    private static func serve(_ source: ConfigurationSource) throws {
        try Reactor.main.run {
            // The reactor's handlers hold on to the daemon for as long as it runs.
            let daemon = try Daemon(source)
            try daemon.start()
            Self.running = daemon
        }
    }

    @ReactorActor private static var running: Daemon?

    private static func complain(_ problem: String) {
        var bytes = Array("cpumodeld: \(problem)\n".utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, &bytes, bytes.count)
    }

    private var overrides: [ConfigurationSource.Override] {
        var overrides: [ConfigurationSource.Override] = []
        func choose(
            _ option: String, for key: String, _ apply: @escaping @Sendable (inout Configuration) throws -> Void
        ) {
            overrides.append(ConfigurationSource.Override(option, for: key, apply: apply))
        }
        if let socket {
            choose("--socket", for: "Socket") { $0.socketPath = socket }
            // That of another daemon is not for one that somebody tries out.
            choose("--socket", for: "State") { $0.stateDirectory = nil }
        }
        if let state { choose("--state", for: "State") { $0.stateDirectory = state.isEmpty ? nil : state } }
        if let querySocket { choose("--query-socket", for: "QuerySocket") { $0.querySocketPath = querySocket } }
        if !models.isEmpty {
            choose("--models", for: "Models") { [models] in try $0.setModelDirectories(models) }
            choose("--models", for: "DefinedModels") { $0.definedModelsDirectory = nil }
        }
        if let definedModels {
            choose("--defined-models", for: "DefinedModels") { try $0.setDefinedModelsDirectory(definedModels) }
        }
        // What another daemon knows is not for one that somebody tries out.
        if socket != nil { choose("--socket", for: "History") { $0.historyDirectory = nil } }
        if let history { choose("--history", for: "History") { $0.historyDirectory = history } }
        if let ownerDeadlineMs {
            choose("--owner-deadline-ms", for: "OwnerDeadlineSec") {
                $0.ownerDeadline = .milliseconds(ownerDeadlineMs)
            }
        }
        if let target = log.flatMap(Configuration.LogTarget.init(rawValue:)) {
            choose("--log", for: "Log") { $0.logTarget = target }
        }
        return overrides
    }
}
