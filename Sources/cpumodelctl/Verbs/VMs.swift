// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl vms`
struct VMs: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "vms", abstract: "List the registered VMs.")

    @OptionGroup var daemon: Daemon

    func run() throws {
        try daemon.show(try daemon.call(.listVMs), as: VMListReport.self)
    }
}
