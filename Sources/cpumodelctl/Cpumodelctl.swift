// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelControl

/// The operator's program: asks cpumodeld, and shows its answers to people or, with `--json`, to programs.
@main
struct Cpumodelctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cpumodelctl",
        abstract: "Ask cpumodeld about CPU models, this host, and the VMs on it.",
        discussion: ExitStatus.help,
        version: "cpumodelctl 0.1.0",
        groupedSubcommands: [
            CommandGroup(name: "The service and its host:", subcommands: [Status.self, Metrics.self, Host.self]),
            CommandGroup(
                name: "CPU models:",
                subcommands: [
                    Models.self, Show.self, Expand.self, Compute.self, Explain.self, Export.self, Import.self,
                    Define.self,
                    Remove.self,
                ]),
            CommandGroup(
                name: "Questions between CPUs:",
                subcommands: [Detect.self, Compare.self, Baseline.self, Check.self]),
            CommandGroup(
                name: "VMs:",
                subcommands: [VMs.self, VM.self, Caps.self, Verify.self, Watch.self, Top.self, Forget.self]),
        ])

    // Here too, so that they may stand before the verb as well as behind it.
    @OptionGroup var daemon: Daemon

    /// As the library's, but for the exit statuses, which are those of ``ExitStatus``.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Failure.exit(error)
        }
    }
}
