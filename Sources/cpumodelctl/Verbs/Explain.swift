// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl explain`
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell for each bit of a table who decided it.",
        discussion:
            "For a VM the table is the one that KVM holds, and what KVM changed shows. Zeros that the model leaves "
            + "at zero are not shown without --all.")

    @Argument(
        help: "Name of a registered VM, or a model expression such as 'EPYC-Milan-v2,-svm'.",
        completion: Names.expressions)
    var subject: String

    @Option(help: ArgumentHelp("Only this leaf, in hexadecimal.", valueName: "leaf"))
    var leaf: HexadecimalArgument?

    @Option(help: ArgumentHelp("Only this subleaf, in hexadecimal.", valueName: "subleaf"))
    var subleaf: HexadecimalArgument?

    @Option(
        help: ArgumentHelp("For a model: the topology. (default: 1:1:1:1:1)", valueName: "s:d:m:c:t"))
    var topology: TopologyArgument?

    @Flag(help: "Show every field that has a name.")
    var all = false

    @OptionGroup(title: "Options for a model, as of compute") var options: GuestOptions
    @OptionGroup var host: HostFile
    @OptionGroup var daemon: Daemon

    func validate() throws {
        if subleaf != nil, leaf == nil { throw ValidationError("--subleaf needs --leaf.") }
    }

    func run() throws {
        var explain = JSONObject()
        if let leaf { explain.set(.string(leaf.text), for: "leaf") }
        if let subleaf { explain.set(.string(subleaf.text), for: "subleaf") }
        let result = try answer(explain: .object(explain))
        if all {
            try daemon.show(result, as: FullExplanationReport.self)
        } else {
            try daemon.show(result, as: ExplanationReport.self)
        }
    }

    /// A registered VM's, if there is one of that name; else a model's.
    private func answer(explain: JSONValue) throws -> JSONValue {
        let document = try host.document()
        if document == nil, try isVM() {
            guard topology == nil, !options.isGiven else {
                throw ValidationError(
                    "\(subject) is a registered VM: its topology and options are those that it was applied with.")
            }
            return try daemon.call(.showVM, ["vm": .string(subject), "explain": explain])
        }
        var parameters: JSONObject = [
            "model": .string(subject), "explain": explain, "unavailable": .string(UnavailablePolicy.drop.rawValue),
            "vcpus": [0],
        ]
        if let topology { parameters.set(.object(topology.parameter), for: "topology") }
        options.add(to: &parameters)
        if let document { parameters.set(document, for: "host") }
        return try daemon.call(.computeTable, parameters)
    }

    private func isVM() throws -> Bool {
        let vms = try daemon.call(.listVMs)
        return vms["vms"]?.arrayValue?.contains { $0["vm"]?.stringValue == subject } ?? false
    }
}
