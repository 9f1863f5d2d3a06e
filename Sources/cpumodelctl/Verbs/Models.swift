// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON
import Spelling

/// `cpumodelctl models`
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the CPU models, and what the host lacks of each.",
        discussion: "The exit status is \(ExitStatus.no.rawValue) when no model is listed.")

    @Flag(help: "List only models that the host can give in full.")
    var usable = false

    @Argument(
        help: "List only models with this in their names; '*' and '?' match the whole name.", completion: Names.models)
    var pattern: String?

    @OptionGroup var host: HostFile
    @OptionGroup var daemon: Daemon

    func run() throws {
        var parameters: JSONObject = usable ? ["usable": true] : [:]
        if let host = try host.document() { parameters.set(host, for: "host") }
        var result = try daemon.call(.listModels, parameters)
        if let pattern { result = ModelListReport.filter(result, by: NamePattern(pattern)) }
        let isEmpty = result["models"]?.arrayValue?.isEmpty ?? false
        if daemon.json || !isEmpty { try daemon.show(result, as: ModelListReport.self) }
        guard isEmpty else { return }
        if daemon.json { throw ExitStatus.no }
        throw Failure(status: .no, message: sentenceForNone)
    }

    private var sentenceForNone: String {
        let models = usable ? "model that the host can give in full" : "model"
        return pattern.map { "there is no \(models) whose name matches '\($0)'" } ?? "there is no \(models)"
    }
}
