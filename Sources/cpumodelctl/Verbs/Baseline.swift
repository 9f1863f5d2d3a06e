// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl baseline`
struct Baseline: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find the most guests can have and still run on any of several CPUs.")

    @Argument(help: "\(CPUArgument.help); or a directory of files.", completion: Names.cpus)
    var cpus: [CPUArgument] = []

    @Option(
        name: .customLong("host"), parsing: .upToNextOption,
        help: ArgumentHelp("Files and directories, as arguments may be.", valueName: "file"), completion: .file())
    var hosts: [HostArgument] = []

    @Flag(help: "Take CPUs of several vendors together, and give a baseline that is nobody's.")
    var mixVendors = false

    @Flag(help: "Keep features with which a guest cannot leave its host, such as invtsc.")
    var allFeatures = false

    @OptionGroup var daemon: Daemon

    func validate() throws {
        if cpus.isEmpty && hosts.isEmpty {
            throw ValidationError("There is no CPU to take a baseline of. Name models, files, directories, or 'this'.")
        }
    }

    func run() throws {
        let references = try CPUArgument.references(cpus + hosts.map(\.cpu))
        var parameters: JSONObject = ["cpus": .array(references.map(\.parameter))]
        if mixVendors { parameters.set(true, for: "mixVendors") }
        if allFeatures { parameters.set(false, for: "migratable") }
        let result = try daemon.call(.baselineModels, parameters)
        Remarks.writeAssumptions(on: references)
        try daemon.show(result, as: BaselineReport.self)
    }
}
