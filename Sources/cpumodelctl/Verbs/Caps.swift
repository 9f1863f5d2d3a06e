// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl caps`
struct Caps: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a running VM may use right now, or which VMs may use a feature.",
        discussion: """
            Nothing here stops a vCPU or waits for one. Every value says where it comes from: 'kernel' is KVM's own \
            answer, through the agent of the VM's owner; 'run-page' is what the vCPU shared when it last returned to its \
            VMM, at most as old as the age says; 'record' is what was read back when the VM got its CPU. A value from the \
            record that the guest may have changed since names the register that would have to be known.

            The exit status is \(ExitStatus.no.rawValue) unless, with --feature, every vCPU may use all of the features; and \
            when, with --with, no VM may.
            """)

    @Argument(help: "Name of a registered VM.", completion: Names.vms)
    var vm: String?

    @Option(
        help: ArgumentHelp(
            "List the VMs with a vCPU that may use this feature; may be given repeatedly, for VMs that may use all.",
            valueName: "feature"),
        completion: Names.features)
    var with: [String] = []

    @Option(
        name: .customLong("vcpu"), help: ArgumentHelp("Only these vCPUs, such as 0-3,8.", valueName: "list"))
    var vcpus: VCPUsArgument?

    @Option(help: "Use this source alone, not the best that answers in time.")
    var source: LiveSource?

    @Option(
        help: ArgumentHelp(
            "Say only how many vCPUs may use this feature; may be given repeatedly.", valueName: "feature"),
        completion: Names.features)
    var feature: [String] = []

    @Option(
        name: .customLong("deadline"),
        help: ArgumentHelp("How long the daemon may take to look at the vCPUs.", valueName: "milliseconds"))
    var deadlineMs: Int64?

    @OptionGroup var daemon: Daemon

    func validate() throws {
        guard (vm == nil) != with.isEmpty else {
            throw ValidationError("Name a VM, or say --with and a feature.")
        }
        guard with.isEmpty || (vcpus == nil && source == nil && feature.isEmpty) else {
            throw ValidationError("--vcpu, --source and --feature are for one VM.")
        }
    }

    func run() throws {
        var parameters = JSONObject()
        if let deadlineMs { parameters.set(.integer(deadlineMs), for: "deadlineMs") }
        if let vm { try show(vm, &parameters) } else { try list(&parameters) }
    }

    private func show(_ vm: String, _ parameters: inout JSONObject) throws {
        parameters.set(.string(vm), for: "vm")
        if let vcpus { parameters.set(.array(vcpus.numbers.map { .integer($0) }), for: "vcpus") }
        if let source { parameters.set(.string(source.rawValue), for: "source") }
        if !feature.isEmpty { parameters.set(.array(feature.map { .string($0) }), for: "features") }
        let result = try daemon.call(.vmCaps, parameters)
        try daemon.show(result, as: CapsReport.self)
        let vcpuCount = result["vcpus"]?.arrayValue?.count ?? 0
        let held = (result["features"]?.arrayValue ?? []).map { $0["vcpus"] == .integer(Int64(vcpuCount)) }
        if held.contains(false) { throw ExitStatus.no }
    }

    private func list(_ parameters: inout JSONObject) throws {
        parameters.set(.array(with.map { .string($0) }), for: "with")
        let result = try daemon.call(.listVMs, parameters)
        try daemon.show(result, as: VMsWithFeaturesReport.self)
        if result["vms"] == .array([]) { throw ExitStatus.no }
    }
}
