// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl forget`
struct Forget: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Drop a VM from the registry; the VM itself is left alone.")

    @Argument(help: "Name of a registered VM.", completion: Names.vms)
    var name: String

    @OptionGroup var daemon: Daemon

    func run() throws {
        try daemon.show(try daemon.call(.forgetVM, ["vm": .string(name)]), as: ForgottenReport.self)
    }
}
