// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl check`
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check whether a guest can run on hosts; if not, show why, and the smallest change that would help.",
        discussion: """
            With --all every registered VM is checked in one go: before a drain, which of them the other host can take.

            The exit status is \(ExitStatus.no.rawValue) unless the guest, or with --all each VM, can run on all of the hosts.
            """)

    @Argument(help: "The guest. \(CPUArgument.help).", completion: Names.cpus)
    var guest: CPUArgument?

    @Flag(help: "Check every registered VM. They run on this host unless --from says otherwise.")
    var all = false

    @Option(
        name: .customLong("host"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Where it is to run: files, directories of files, and 'this' for this host.", valueName: "file"),
        completion: .file())
    var hosts: [HostArgument]

    @Option(
        help: ArgumentHelp("Where it runs now: what stays as it was there is no obstacle.", valueName: "file"),
        completion: .file())
    var from: HostArgument?

    @OptionGroup var daemon: Daemon

    func validate() throws {
        guard all == (guest == nil) else { throw ValidationError("Name a guest, or say --all.") }
    }

    func run() throws {
        var parameters: JSONObject = try guest.map { ["guest": try $0.reference().parameter] } ?? ["all": true]
        let source = try from?.cpu.reference()
        if let source { parameters.set(source.parameter, for: "source") }
        let hosts = try CPUArgument.references(hosts.map(\.cpu))
        parameters.set(.array(hosts.map(\.parameter)), for: "hosts")
        let result = try daemon.call(.checkMigration, parameters)
        Remarks.writeAssumptions(on: [source].compactMap { $0 } + hosts)
        if all {
            try daemon.show(result, as: MigrationSweepReport.self)
        } else {
            try daemon.show(result, as: MigrationReport.self)
        }
        if result["possible"] != true { throw ExitStatus.no }
    }
}
