// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl host`
struct Host: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what this host and its KVM can give a guest.",
        discussion: "With --json this is the file that --host takes on other machines.")

    @OptionGroup var daemon: Daemon

    func run() throws {
        try daemon.show(try daemon.call(.describeHost), as: HostReport.self)
    }
}
