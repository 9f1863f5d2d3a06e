// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl export`
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model expression in another program's words.",
        discussion: "Remarks, such as on what that program has no word for, go to standard error.")

    @Argument(help: "Such as 'EPYC-Milan-v2,-svm,+invtsc', 'host' or 'max'.", completion: Names.expressions)
    var expression: String

    @Option(help: "QEMU's -cpu, libvirt's <cpu>, Firecracker's template, Linux's flags, or GCC's -march.")
    var format: ExportParameters.Format

    @OptionGroup var daemon: Daemon

    func run() throws {
        let result = try daemon.call(
            .exportModel, ["model": .string(expression), "format": .string(format.rawValue)])
        try daemon.show(result) { result, isTerminal throws(JSONShapeError) in
            try Translation.export(result, forTerminal: isTerminal)
        }
    }
}
