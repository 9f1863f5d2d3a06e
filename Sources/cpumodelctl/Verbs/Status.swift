// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl status`
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how the daemon is.",
        discussion: "The exit status is \(ExitStatus.no.rawValue) when KVM cannot be used on this host.")

    @Flag(help: "Print nothing; the exit status alone tells.")
    var quiet = false

    @OptionGroup var daemon: Daemon

    func run() throws {
        let result = try daemon.call(.status)
        if !quiet { try daemon.show(result, as: StatusReport.self) }
        if result["hostProblem"]?.stringValue != nil { throw ExitStatus.no }
    }
}
