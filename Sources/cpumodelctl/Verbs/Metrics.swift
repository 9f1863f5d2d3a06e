// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl metrics`
struct Metrics: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what the daemon has done, in numbers, as OpenMetrics text.")

    @OptionGroup var daemon: Daemon

    func run() throws {
        try daemon.show(try daemon.call(.metrics)) { result, isTerminal throws(JSONShapeError) in
            try Translation.metrics(result, forTerminal: isTerminal)
        }
    }
}
