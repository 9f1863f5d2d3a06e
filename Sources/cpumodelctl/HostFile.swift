// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelControl
import Formats
import JSON

/// The option `--host`: another host to answer for.
struct HostFile: ParsableArguments {
    @Option(
        name: .customLong("host"),
        help: ArgumentHelp(
            "Answer for the host that <file> describes: what 'cpumodelctl host --json' printed there, or a dump of its "
                + "CPU.",
            valueName: "file"),
        completion: .file())
    var path: String?

    /// The parameter `host`; nil for this host. What is assumed of a host of which there is only a dump goes to standard
    /// error.
    func document() throws -> JSONValue? {
        guard let path, path != "this" else { return nil }
        let contents = try InputFile(path: path).bytes()
        let dumped: DumpedHost
        do throws(FormatError) {
            dumped = try DumpedHost.read(contents, name: path)
        } catch {
            throw Failure(status: .usage, message: error.description)
        }
        Remarks.write(dumped.notes, about: path)
        return try JSONValue(parsing: HostDocument(dumped.host).jsonBytes())
    }
}
