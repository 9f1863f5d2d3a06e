// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl detect`
struct Detect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Name CPUs: the nearest model of each, and every difference.",
        discussion: "Of several CPUs each has one line.")

    @Argument(
        help: "\(CPUArgument.help); or a directory of files. (default: this host)", completion: Names.cpus)
    var cpus: [CPUArgument] = []

    @Option(
        name: .customLong("host"), parsing: .upToNextOption,
        help: ArgumentHelp("Files and directories, as arguments may be.", valueName: "file"), completion: .file())
    var hosts: [HostArgument] = []

    @Option(help: "What the name is for: with 'host', a model of which nothing has to be taken out.")
    var purpose: DetectParameters.Purpose = .guest

    @Option(help: "Whose names will do: with 'libvirt', only those that libvirt knows.")
    var vocabulary: DetectParameters.Vocabulary = .all

    @OptionGroup var daemon: Daemon

    func run() throws {
        let named = cpus + hosts.map(\.cpu)
        let cpus = named.isEmpty ? [.this] : named
        if cpus.count == 1, !cpus[0].isDirectory {
            return try daemon.show(try detect(try cpus[0].reference()), as: DetectionReport.self)
        }
        let results = try cpus.flatMap { try $0.expanded() }.map { cpu in
            let reference = try cpu.reference()
            return (name: reference.name, result: try detect(reference))
        }
        try daemon.show(DetectionListReport.joining(results), as: DetectionListReport.self)
    }

    private func detect(_ cpu: CPUArgument.Reference) throws -> JSONValue {
        var parameters: JSONObject = ["cpu": cpu.parameter, "purpose": .string(purpose.rawValue)]
        if vocabulary != .all { parameters.set(.string(vocabulary.rawValue), for: "vocabulary") }
        return try daemon.call(.detectModel, parameters)
    }
}
