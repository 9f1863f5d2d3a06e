// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl remove`
struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Remove a model of your own from the catalog.")

    @Argument(help: "Name of a model, without a version.", completion: Names.models)
    var name: String

    @Flag(help: "Remove it even if registered VMs use it.")
    var force = false

    @Option(help: "Remove only a model that has this digest.")
    var digest: String?

    @OptionGroup var daemon: Daemon

    func run() throws {
        var parameters: JSONObject = ["model": .string(name)]
        if force { parameters.set(true, for: "force") }
        if let digest { parameters.set(.string(digest), for: "digest") }
        try daemon.show(try daemon.call(.removeModel, parameters), as: RemovedReport.self)
    }
}
