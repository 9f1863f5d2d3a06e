// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl compare`
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what two CPUs have that the other has not, side by side.",
        discussion: "Whether a guest can move from one to the other is another question, which 'check' answers.")

    @Argument(help: "\(CPUArgument.help).", completion: Names.cpus)
    var first: CPUArgument

    @Argument(help: "Another one.", completion: Names.cpus)
    var second: CPUArgument

    @OptionGroup var daemon: Daemon

    func run() throws {
        let (first, second) = (try first.reference(), try second.reference())
        let result = try daemon.call(.compareModels, ["first": first.parameter, "second": second.parameter])
        Remarks.writeAssumptions(on: [first, second])
        try daemon.show(result, as: ComparisonReport.self)
    }
}
