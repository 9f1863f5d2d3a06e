// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import X86CPU

@testable import CPUModelDaemon

/// Reads whatever comes as the host's history, and with it as a host such as clients send. What is taken must be written such
/// that it reads back the same, and can be gone on with.
func checkHistory(_ bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes) else { return }
    do throws(JSONShapeError) {
        var history = try HostHistory(reading: value, path: "")
        let written = history.jsonBytes()
        guard let again = try? HostHistory(reading: JSONValue(parsing: written), path: "") else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again.jsonBytes() == written, "what was written reads differently")
        precondition(HostChanges(from: history.host, to: again.host).isEmpty, "the host is not what it was")
        _ = history.lastChanges
        precondition(history.see(history.host, at: 1).isEmpty, "a host differs from itself")
        if let before = history.before { _ = history.see(before.host, at: 2) }
    } catch {
        precondition(!error.description.isEmpty && !error.description.contains("\n"), "a message must stay on its line")
    }
}
