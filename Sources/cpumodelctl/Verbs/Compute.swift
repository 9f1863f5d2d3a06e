// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl compute`
struct Compute: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compute the CPUID tables and feature MSRs of a guest.",
        discussion: "The exit status is \(ExitStatus.no.rawValue) when the host cannot give what the model names.")

    @Argument(help: "Such as 'EPYC-Milan-v2,-svm,+invtsc', 'host' or 'max'.", completion: Names.expressions)
    var expression: String

    @Option(
        help: ArgumentHelp(
            "Sockets, dies a socket, modules a die, cores a module and threads a core. (default: 1:1:1:1:1)",
            valueName: "s:d:m:c:t"))
    var topology: TopologyArgument?

    @Option(help: ArgumentHelp("Show only these vCPUs, such as '0-3,8'.", valueName: "list"))
    var vcpus: VCPUsArgument?

    @Option(help: "What to do about features that the host cannot give.")
    var unavailable: UnavailablePolicy = .fail

    @Flag(help: "Print every entry of every vCPU as 'cpuid --raw' does, and nothing else.")
    var raw = false

    @OptionGroup(title: "Options of the guest's CPU") var options: GuestOptions
    @OptionGroup var host: HostFile
    @OptionGroup var daemon: Daemon

    func validate() throws {
        if raw && daemon.json { throw ValidationError("--raw and --json cannot be used together.") }
    }

    func run() throws {
        var parameters: JSONObject = ["model": .string(expression), "unavailable": .string(unavailable.rawValue)]
        if let topology { parameters.set(.object(topology.parameter), for: "topology") }
        if let vcpus { parameters.set(.array(vcpus.numbers.map(JSONValue.integer)), for: "vcpus") }
        options.add(to: &parameters)
        if let host = try host.document() { parameters.set(host, for: "host") }
        let result = try daemon.call(.computeTable, parameters)
        if raw {
            try daemon.show(result, as: RawTableReport.self)
        } else {
            try daemon.show(result, as: TableReport.self)
        }
    }
}
