// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl expand`
struct Expand: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show which features a model expression comes to, and what the host cannot give.")

    @Argument(help: "Such as 'EPYC-Milan-v2,-svm,+invtsc', 'host' or 'max'.", completion: Names.expressions)
    var expression: String

    @OptionGroup var host: HostFile
    @OptionGroup var daemon: Daemon

    func run() throws {
        var parameters: JSONObject = ["model": .string(expression)]
        if let host = try host.document() { parameters.set(host, for: "host") }
        try daemon.show(try daemon.call(.expandModel, parameters), as: ExpansionReport.self)
    }
}
