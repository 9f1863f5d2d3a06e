// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl define`
struct Define: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add a model of your own to the catalog; it stays there over restarts.",
        discussion: """
            To change a model that others may change too, give --digest what 'show' told when you read it: then nobody's \
            change is lost.
            """)

    @Argument(help: "A .cpumodel file; '-' is standard input.", completion: .file(extensions: ["cpumodel"]))
    var file: String

    @Flag(help: "Replace a model of the same name.")
    var replace = false

    @Option(help: "Replace only a model that has this digest.")
    var digest: String?

    @Flag(help: "Replace it even if registered VMs use it.")
    var force = false

    @OptionGroup var daemon: Daemon

    func run() throws {
        var parameters: JSONObject = ["text": .string(try InputFile(path: file).text())]
        if replace { parameters.set(true, for: "replace") }
        if force { parameters.set(true, for: "force") }
        if let digest { parameters.set(.string(digest), for: "digest") }
        try daemon.show(try daemon.call(.defineModel, parameters), as: DefinedReport.self)
    }
}
