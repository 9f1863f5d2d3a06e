// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelControl
import Glibc
import JSON

/// The option `--host`: another host to answer for.
struct HostFile: ParsableArguments {
    @Option(
        name: .customLong("host"),
        help: ArgumentHelp(
            "Answer for the host that <file> describes: what 'cpumodelctl host --json' printed there.",
            valueName: "file"),
        completion: .file())
    var path: String?

    /// The parameter `host`; nil for this host.
    func document() throws -> JSONValue? {
        guard let path else { return nil }
        let text = try Self.contents(of: path)
        do throws(JSONSyntaxError) {
            return try JSONValue(parsing: text)
        } catch {
            throw Failure(status: .usage, message: "\(path) is no description of a host: \(error)")
        }
    }

    /// What is in a file, but not much more than a description of a host may have.
    private static func contents(of path: String) throws -> [UInt8] {
        // The text is read only during the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(status: .usage, message: "cannot open \(path): \(errnoText())") }
        defer { close(descriptor) }
        let (chunkSize, limit) = (1 << 16, JSONLimits().maxBytes)
        var contents: [UInt8] = []
        while contents.count <= limit {
            var count = 0
            // read(2) fills the chunk's own memory, and says how much of it.
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, initialized in
                count = unsafe read(descriptor, buffer.baseAddress, chunkSize)
                initialized = max(count, 0)
            }
            if count == 0 { break }
            if count < 0, errno != EINTR {
                throw Failure(status: .usage, message: "cannot read \(path): \(errnoText())")
            }
            contents += chunk
        }
        return contents
    }

    private static func errnoText() -> String {
        // Copied before another call could change it.
        unsafe String(cString: strerror(errno))
    }
}
