// SPDX-License-Identifier: Apache-2.0

import CPUModelControl
import Formats

/// What is to be known beside an answer: on standard error, so that standard output has the answer alone.
enum Remarks {
    /// So many files are named of those that the same can be said of.
    private static let namedFiles = 3

    /// Writes sentences, a line each.
    ///
    /// - Parameter subject: what they are about; nil where that is plain.
    static func write(_ sentences: [String], about subject: String? = nil) {
        let start = ["cpumodelctl", subject].compactMap { $0 }.joined(separator: ": ")
        // Where remarks cannot be written there is nowhere to tell of it.
        _ = Terminal.standardError.write(sentences.map { "\(start): \($0)".printable + "\n" }.joined())
    }

    /// Writes what is assumed of hosts of which there are only dumps, each sentence once.
    static func writeAssumptions(on cpus: [CPUArgument.Reference]) {
        var sentences: [String] = []
        var names: [String: [String]] = [:]
        for cpu in cpus {
            // The daemon has read the file: if this program cannot, it is older, and has nothing to say.
            guard let contents = cpu.contents, let host = try? DumpedHost.read(contents, name: cpu.name) else {
                continue
            }
            for sentence in host.notes {
                if names[sentence] == nil { sentences.append(sentence) }
                names[sentence, default: []].append(cpu.name)
            }
        }
        for sentence in sentences {
            let all = names[sentence] ?? []
            let rest = all.count > namedFiles ? " and \(all.count - namedFiles) more" : ""
            write([sentence], about: all.prefix(namedFiles).joined(separator: ", ") + rest)
        }
    }
}
