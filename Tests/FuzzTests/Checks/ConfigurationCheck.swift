// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import CPUModelDaemon

/// Reads whatever comes as cpumodeld.conf and its drop-ins, which bytes 0xFF divide. What is taken must be written as one
/// file that makes the same configuration.
func checkConfiguration(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0xFF, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
    for (number, file) in Scratch.files.enumerated() {
        Scratch.write(number < parts.count ? parts[number] : [], to: file)
    }
    let source = ConfigurationSource(ConfigurationFiles(path: Scratch.files[0]))
    do throws(ConfigurationError) {
        let loaded = try source.load()
        Scratch.write(Array(loaded.text.utf8), to: Scratch.rewritten)
        do throws(ConfigurationError) {
            let again = try ConfigurationSource(ConfigurationFiles(path: Scratch.rewritten)).load()
            for setting in Configuration.settings {
                precondition(
                    setting.isSame(in: loaded.configuration, and: again.configuration),
                    "\(setting.name) was written and reads differently")
            }
        } catch {
            preconditionFailure("what was written cannot be read: \(error)")
        }
    } catch {
        precondition(!error.problems.isEmpty)
        precondition(error.problems.allSatisfy { !$0.isEmpty && !$0.contains("\n") }, "a message must stay on its line")
    }
}

/// Where the files lie: one directory for the process, as the daemon reads files and nothing else.
private enum Scratch {
    static let directory: String = {
        var template = Array("/tmp/cpumodeld-fuzz-XXXXXX".utf8CString)
        guard let path = unsafe mkdtemp(&template) else { preconditionFailure("there is no room in /tmp") }
        let directory = unsafe String(cString: path)
        precondition(unsafe mkdir(directory + "/cpumodeld.conf.d", 0o755) == 0)
        return directory
    }()

    /// The file and two drop-ins.
    static let files =
        ["cpumodeld.conf", "cpumodeld.conf.d/10-first.conf", "cpumodeld.conf.d/20-second.conf"]
        .map { "\(directory)/\($0)" }
    static let rewritten = "\(directory)/rewritten.conf"

    static func write(_ bytes: [UInt8], to path: String) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        precondition(file >= 0)
        defer { close(file) }
        precondition(unsafe Glibc.write(file, bytes, bytes.count) == bytes.count)
    }
}
