// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import JSON

/// `cpumodelctl import`
struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a CPU in another program's words, and write it as a model expression.",
        discussion: """
            Understood are QEMU's -cpu argument, libvirt's <cpu>, Firecracker's template, and the flags of /proc/cpuinfo.
            Remarks, such as on what has no place in a model, go to standard error.
            """)

    @Argument(help: "A file; '-' is standard input.", completion: .file())
    var file = "-"

    @OptionGroup var daemon: Daemon

    func run() throws {
        let file = InputFile(path: file)
        let result = try daemon.call(
            .importModel, ["text": .string(try file.text()), "name": .string(file.name)])
        try daemon.show(result) { result, isTerminal throws(JSONShapeError) in
            try Translation.import(result, forTerminal: isTerminal)
        }
    }
}
