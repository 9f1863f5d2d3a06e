// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSON
import X86CPU

@testable import CPUModelDaemon

/// Reads whatever comes as the state of a VM. What is taken must be written such that it reads back the same, and must do
/// for what a VM is asked.
func checkState(_ bytes: [UInt8]) {
    do throws(KeptFile.Fault) {
        let document = try VMStateDocument(parsing: bytes)
        let written = VMStateDocument(document.record, bootID: document.bootID).jsonBytes()
        guard let again = try? VMStateDocument(parsing: written) else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again.bootID == document.bootID)
        precondition(
            VMStateDocument(again.record, bootID: again.bootID).jsonBytes() == written,
            "what was written reads differently")
        ask(document.record)
    } catch {
        precondition(!error.description.isEmpty && !error.description.contains("\n"), "a message must stay on its line")
    }
}

private func ask(_ record: VMRecord) {
    for vcpu in 0..<min(record.tables.count, 16) { _ = record.tables[vcpu].entries.count }
    let answers = [
        VMListResult([.init(record)]).jsonBytes(), ApplyResult(record, notes: []).jsonBytes(),
        VMShowResult(record, isAttached: false, holdsVCPUs: false, isRestored: true).jsonBytes(),
    ]
    for answer in answers {
        precondition(
            (try? JSONValue(parsing: answer, limits: JSONLimits(maxBytes: .max))) != nil, "an answer is not JSON")
    }
}
