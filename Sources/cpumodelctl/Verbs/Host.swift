// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl host`
struct Host: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what this host and its KVM can give a guest, or what changed in that.",
        discussion: """
            With --json this is the file that --host takes on other machines.

            The daemon keeps what the host was like over its runs. --changes shows what was different when it last changed: \
            kernel, microcode, features lost and gained, feature MSRs, and the registered VMs that could be started here \
            again, or brought here, before and not now. The exit status is then \(ExitStatus.no.rawValue) when features were \
            lost.
            """)

    @Flag(help: "Show what changed in the host's KVM since an earlier run of the daemon.")
    var changes = false

    @OptionGroup var daemon: Daemon

    func run() throws {
        guard changes else { return try daemon.show(try daemon.call(.describeHost), as: HostReport.self) }
        let status = try daemon.call(.status, ["changes": true])
        guard daemon.json else {
            try daemon.show(status, as: HostChangesReport.self)
            return try exit(for: status)
        }
        try daemon.show(status["hostChanges"] ?? .null, as: HostChangesReport.self)
        try exit(for: status)
    }

    private func exit(for status: JSONValue) throws {
        if let lost = status["hostChanges"]?["lost"], lost != .array([]) { throw ExitStatus.no }
    }
}
