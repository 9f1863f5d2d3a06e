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

    /// A connection for a method.
    func client(for method: Method) throws -> Client { try socket.map { try Client(path: $0) } ?? Client(for: method) }

    /// Calls a method.
    func call(_ method: Method, _ parameters: JSONObject = JSONObject()) throws -> JSONValue {
        var client = try client(for: method)
        // A request may give the daemon more time to look at running vCPUs.
        if let deadline = parameters["deadlineMs"]?.intValue { client.timeout += .milliseconds(max(0, deadline)) }
        do throws(ClientError) {
            return try client.call(method, parameters)
        } catch {
            guard case .daemon(let refusal) = error, refusal.data["limit"] == "lineBytes" else { throw error }
            throw Failure(
                status: .usage, message: "\(refusal.message) Ask about fewer or smaller files at a time.")
        }
    }

    /// Prints a result: as a report for people or, with `--json`, as it is.
    func show(_ result: JSONValue, as report: (some Report).Type) throws {
        let output = Terminal.standardOutput
        try write(
            json ? jsonText(result, forTerminal: output.isTerminal) : try report.render(result, style: output.style))
    }

    /// Prints a result that is a text for other programs: the text alone, with remarks on standard error; or, with
    /// `--json`, as it is.
    ///
    /// - Parameter read: takes text and remarks from the result, given whether a terminal gets the text.
    func show(_ result: JSONValue, as read: (JSONValue, Bool) throws(JSONShapeError) -> Translation) throws {
        let isTerminal = Terminal.standardOutput.isTerminal
        if json { return try write(jsonText(result, forTerminal: isTerminal)) }
        let translation = try read(result, isTerminal)
        Remarks.write(translation.remarks)
        try write(translation.text)
    }

    private func write(_ text: String) throws {
        guard Terminal.standardOutput.write(text) else {
            throw Failure(status: .no, message: "the output could not be written")
        }
    }
}
