// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelClient
import CPUModelControl
import JSON

/// `cpumodelctl watch`
struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a line for whatever happens to VMs, until interrupted.",
        discussion: """
            VMs appear when they get their CPU, and go with their owners. With --caps and --verify the daemon also looks \
            at the running vCPUs, and tells when what they may use changes, and when one has drifted from its record.

            With --json the first line is what there is, and each further line an event.
            """)

    @Argument(help: "Names of VMs, registered or not yet; all when left out.", completion: Names.vms)
    var vms: [String] = []

    @Option(
        help: ArgumentHelp(
            "Look this often whether what vCPUs may use has changed; never when left out.", valueName: "seconds"))
    var caps: Double?

    @Option(
        help: ArgumentHelp(
            "Verify this often whether vCPUs have what was recorded; never when left out.", valueName: "seconds"))
    var verify: Double?

    @OptionGroup var daemon: Daemon

    func validate() throws {
        for seconds in [caps, verify].compactMap(\.self) where !(0.1...3600).contains(seconds) {
            throw ValidationError("--caps and --verify take 0.1 to 3600 seconds.")
        }
    }

    func run() throws {
        var parameters = JSONObject()
        if !vms.isEmpty { parameters.set(.array(vms.map { .string($0) }), for: "vms") }
        if let caps { parameters.set(.integer(Int64(caps * 1000)), for: "capsMs") }
        if let verify { parameters.set(.integer(Int64(verify * 1000)), for: "verifyMs") }
        var client = try daemon.client(for: .watchVMs)
        let result = try client.call(.watchVMs, parameters)
        let output = Terminal.standardOutput
        let count = result["vms"]?.arrayValue?.count ?? 0
        try write(
            daemon.json ? jsonText(result, forTerminal: false) : "Watching; VMs now: \(count)\n", to: output)
        while true {
            // A day is as good as for ever, and fits whatever counts it.
            guard let event = try client.notification(WatchResult.notification, within: .seconds(86_400)) else {
                continue
            }
            try write(
                daemon.json
                    ? jsonText(event, forTerminal: false) : WatchLine.text(event, style: output.style) + "\n",
                to: output)
            if event["event"] == "dropped" {
                throw Failure(status: .no, message: "events were lost, as they were not read in time")
            }
        }
    }

    private func write(_ text: String, to output: Terminal) throws {
        guard output.write(text) else { throw Failure(status: .no, message: "the output could not be written") }
    }
}
