// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelClient
import CPUModelControl
import JSON

/// The options that every verb has, and how a verb uses them.
struct Daemon: ParsableArguments {
    @Option(
        help: ArgumentHelp("Connect to this socket instead of the usual ones.", valueName: "path"),
        completion: .file())
    var socket: String?

    @Flag(help: "Print the result as JSON: on one line, or indented on a terminal.")
    var json = false

    /// Calls a method.
    func call(_ method: Method, _ parameters: JSONObject = JSONObject()) throws -> JSONValue {
        var client = try socket.map { try Client(path: $0) } ?? Client(for: method)
        return try client.call(method, parameters)
    }

    /// Prints a result: as a report for people or, with `--json`, as it is.
    func show(_ result: JSONValue, as report: (some Report).Type) throws {
        let output = Terminal.standardOutput
        let text =
            json
            ? jsonText(result, forTerminal: output.isTerminal) : try report.render(result, style: output.style)
        guard output.write(text) else {
            throw Failure(status: .no, message: "the output could not be written")
        }
    }
}
