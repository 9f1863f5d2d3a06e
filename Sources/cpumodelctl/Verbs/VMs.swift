// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import GuestCPU
import JSON

/// `cpumodelctl vms`
struct VMs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vms", abstract: "List the registered VMs, or those that a question is about.",
        discussion: """
            VMs are listed that meet all that is asked. 'cpumodelctl caps --with' lists those that may use a feature.

            The exit status is \(ExitStatus.no.rawValue) when something is asked and no VM meets it.
            """)

    @Option(
        help: ArgumentHelp(
            "Only VMs with this model, in any version, or with this version; '*' and '?' match the whole name.",
            valueName: "name"),
        completion: Names.models)
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Only VMs whose owner belongs to this systemd unit; '*' and '?' match the whole name.", valueName: "name"))
    var unit: String?

    @Option(help: "Only VMs with this verdict: what KVM did with their tables.")
    var verdict: Verdict?

    @Flag(help: "Only VMs that run an older version of their model than the newest of the catalog.")
    var olderVersion = false

    @Flag(help: "Only VMs whose vCPUs are not all the same CPU; 'cpumodelctl vm' shows where they differ.")
    var inconsistent = false

    @OptionGroup var daemon: Daemon

    func run() throws {
        var parameters = JSONObject()
        if let model { parameters.set(.string(model), for: "model") }
        if let unit { parameters.set(.string(unit), for: "unit") }
        if let verdict { parameters.set(.string(verdict.rawValue), for: "verdict") }
        if olderVersion { parameters.set(true, for: "olderVersion") }
        if inconsistent { parameters.set(true, for: "inconsistent") }
        let result = try daemon.call(.listVMs, parameters)
        let isEmpty = result["vms"] == .array([])
        guard isEmpty, !parameters.isEmpty else { return try daemon.show(result, as: VMListReport.self) }
        if daemon.json {
            try daemon.show(result, as: VMListReport.self)
            throw ExitStatus.no
        }
        throw Failure(status: .no, message: "no registered VM is such a one")
    }
}
