// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl show`
struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a CPU model as it is defined.")

    @Argument(help: "Name of a model, of one of its versions, or an alias.", completion: Names.models)
    var model: String

    @OptionGroup var daemon: Daemon

    func run() throws {
        try daemon.show(try daemon.call(.showModel, ["model": .string(model)]), as: ModelReport.self)
    }
}
