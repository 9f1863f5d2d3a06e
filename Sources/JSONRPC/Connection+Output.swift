// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Glibc
import JSON
import Reactor

extension Connection {
    /// Adds a message to what is to be sent. It goes out with the next ``flush()``.
    func enqueue(_ line: [UInt8], descriptors: [SharedDescriptor] = []) {
        guard phase == .open else { return }
        output.append(line, descriptors: descriptors)
        settleAccount()
        // A client that reads is not dropped for what others of its user leave lying, nor before it has read why.
        let isOverdue = output.byteCount > limits.outputHighWater && account?.bytesExcess != nil
        if output.byteCount > limits.outputBytes || isOverdue { return close(.outputLimit) }
        account?.relieve()
    }

    /// Sends as much as the client takes now.
    func flush() {
        guard phase != .closed else { return }
        do {
            try output.flush(to: socket.number)
        } catch {
            let isGone = error.errno == EPIPE || error.errno == ECONNRESET
            return close(isGone ? .peerClosed : .failed(error))
        }
        settleAccount()
        if phase == .lingering {
            // The client sees the end behind the error, and is given time to close.
            if output.isEmpty { _ = shutdown(socket.number, CInt(SHUT_WR)) }
        } else if output.byteCount > limits.outputHighWater {
            isPaused = true
        }
    }

    /// Sends what was added outside of an event of the socket.
    func flushNow() {
        flush()
        update()
    }

    /// Answers a request, unless it is a notification.
    func send(_ reply: Reply, id: RequestID?, batch: Batch?) {
        answer(id: id, batch: batch) { writer in
            writer.key("result")
            switch reply {
            case .encoded(let json): writer.raw(json)
            case .written(let write): write(&writer)
            }
        }
    }

    /// Answers a request with an error, unless it is a notification.
    func sendError(_ error: RPCError, id: RequestID?, batch: Batch?) {
        answer(id: id, batch: batch) { $0.member("error", error) }
    }

    private func answer(id: RequestID?, batch: Batch?, outcome: (inout JSONWriter) -> Void) {
        if let batch {
            if let line = batch.add(id: id, outcome: outcome) { enqueue(line) }
        } else if let id {
            var writer = JSONWriter()
            writer.answer(id: id, outcome: outcome)
            writer.endLine()
            enqueue(writer.take())
        }
    }
}

extension JSONWriter {
    /// Writes a response object.
    mutating func answer(id: RequestID, outcome: (inout JSONWriter) -> Void) {
        object { writer in
            writer.member("jsonrpc", "2.0")
            writer.member("id", id)
            outcome(&writer)
        }
    }
}
