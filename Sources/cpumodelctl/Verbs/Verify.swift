// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl verify`
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read back now what running VMs have, and show where it is not what was recorded.",
        discussion: """
            KVM's own tables are read, through the agents of the VMs' owners; without an agent nothing can be told. What \
            follows the guest's state is held against its registers, so that a guest at work does not drift.

            The exit status is \(ExitStatus.no.rawValue) when a VM has drifted, or when that cannot be told of one.
            """)

    @Argument(help: "Name of a registered VM.", completion: Names.vms)
    var vm: String?

    @Flag(help: "Verify every registered VM.")
    var all = false

    @Option(
        name: .customLong("deadline"),
        help: ArgumentHelp("How long the daemon may take to read the vCPUs.", valueName: "milliseconds"))
    var deadlineMs: Int64?

    @OptionGroup var daemon: Daemon

    func validate() throws {
        guard all == (vm == nil) else { throw ValidationError("Name a VM, or say --all.") }
    }

    func run() throws {
        var parameters: JSONObject = vm.map { ["vm": .string($0)] } ?? ["all": true]
        if let deadlineMs { parameters.set(.integer(deadlineMs), for: "deadlineMs") }
        let result = try daemon.call(.verifyVM, parameters)
        try daemon.show(result, as: VerifyReport.self)
        let isFine = (result["vms"]?.arrayValue ?? []).allSatisfy { $0["outcome"] == "asRecorded" }
        if !isFine { throw ExitStatus.no }
    }
}
