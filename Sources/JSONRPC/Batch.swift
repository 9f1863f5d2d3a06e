// SPDX-License-Identifier: Apache-2.0

import JSON
import Reactor

/// The answers to a batch, collected until the last one is there (JSON-RPC 2.0, section 6).
@ReactorActor
final class Batch {
    private var writer = JSONWriter()
    private var isEmpty = true
    /// Messages that are not finished yet.
    private var remaining: Int

    init(count: Int) {
        remaining = count
        writer.beginArray()
    }

    /// Marks a message as finished, with its answer unless it is a notification.
    ///
    /// - Returns: the line to send when it was the last one and there is anything to answer.
    func add(id: RequestID?, outcome: (inout JSONWriter) -> Void) -> [UInt8]? {
        if let id {
            isEmpty = false
            writer.answer(id: id, outcome: outcome)
        }
        return finishOne()
    }

    /// Marks a message as finished that has no answer at all.
    func finishOne() -> [UInt8]? {
        remaining -= 1
        guard remaining == 0, !isEmpty else { return nil }
        writer.endArray()
        writer.endLine()
        return writer.take()
    }
}
