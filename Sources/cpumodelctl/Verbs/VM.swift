// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl vm`
struct VM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vm", abstract: "Show a VM: what it was given, and what KVM made of it.")

    @Argument(help: "Name of a registered VM.", completion: Names.vms)
    var name: String

    @OptionGroup var daemon: Daemon

    func run() throws {
        try daemon.show(try daemon.call(.showVM, ["vm": .string(name)]), as: VMReport.self)
    }
}
