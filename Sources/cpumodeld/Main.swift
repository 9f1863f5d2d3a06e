// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelDaemon
import Reactor

@main
struct Main: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cpumodeld",
        abstract: "CPU models for the VMs of a KVM host",
        discussion: """
            Serves a JSON-RPC API on a Unix socket, by which VM launchers have CPU models computed and applied \
            to their vCPUs, and operators ask what guests have. Started by systemd it takes its sockets over from the socket units.
            """,
        version: Daemon.version)

    @Option(help: "Configuration file; a missing default file is no error.")
    var config = "/etc/cpumodeld/cpumodeld.conf"

    @Option(help: "Socket for VM launchers.")
    var socket: String?

    @Option(help: "Socket for queries.")
    var querySocket: String?

    @Option(help: ArgumentHelp("Directory of model files, in place of the configured ones; may be given repeatedly."))
    var models: [String] = []

    @Option(help: "Directory for models that are defined at run time.")
    var definedModels: String?

    @Option(help: "Milliseconds that the owner of a VM may take to run a job.")
    var ownerDeadlineMs: Int?

    @Option(help: "Where events go: auto, journal or stderr.")
    var log: String?

    func run() throws {
        let settings = try settings()
        try Reactor.main.run {
            // The reactor's handlers hold on to the daemon for as long as it runs.
            let daemon = try Daemon(settings)
            try daemon.start()
            Self.running = daemon
        }
    }

    @ReactorActor private static var running: Daemon?

    private func settings() throws -> Configuration {
        var settings = try ConfigurationFile(path: config, isOptional: config == "/etc/cpumodeld/cpumodeld.conf").read()
        if let socket { settings.socketPath = socket }
        if let querySocket { settings.querySocketPath = querySocket }
        if !models.isEmpty {
            try settings.setModelDirectories(models)
        }
        if let definedModels { try settings.setDefinedModelsDirectory(definedModels) }
        if let ownerDeadlineMs {
            guard ownerDeadlineMs >= 1 else { throw ValidationError("--owner-deadline-ms must be at least 1.") }
            settings.ownerDeadline = .milliseconds(ownerDeadlineMs)
        }
        if let log {
            guard let target = Configuration.LogTarget(rawValue: log) else {
                throw ValidationError("--log must be auto, journal or stderr.")
            }
            settings.logTarget = target
        }
        return settings
    }
}
