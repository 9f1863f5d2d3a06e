// SPDX-License-Identifier: Apache-2.0

public import Descriptors
public import JSON
import Reactor

/// A request of ours that waits for its answer.
struct PendingCall {
    let continuation: CheckedContinuation<Result<JSONValue, CallError>, Never>
    let timer: TimerToken
}

extension Connection {
    /// Sends the client a request and waits for the answer.
    ///
    /// Cancelling the task does not take the request back: its deadline ends it.
    ///
    /// - Parameters:
    ///   - descriptors: what goes with it, however many; `fds` is written for them. They may be let go at once.
    ///   - timeout: how long to wait for the answer.
    ///   - params: writes the members of the parameters.
    ///   - late: Is called when the answer comes after that, which is no fault of the client's then; or when the connection
    ///     ends without it.
    /// - Returns: the result.
    public func call(
        _ method: String, descriptors: [SharedDescriptor] = [], timeout: Duration,
        params: (inout JSONWriter) -> Void = { _ in }, late: (@ReactorActor () -> Void)? = nil
    ) async throws(CallError) -> JSONValue {
        guard phase == .open, !isInputEnded else { throw .gone }
        lastCall += 1
        let id = "job-\(lastCall)"
        let line = message(method, id: id, descriptorCount: descriptors.count, params: params)
        let result = await withCheckedContinuation { continuation in
            let timer = Reactor.main.schedule(after: timeout) { [weak self] in
                if let late { self?.lateCalls[id] = late }
                self?.finishCall(.string(id), with: .failure(.deadline(timeout)))
            }
            calls[id] = PendingCall(continuation: continuation, timer: timer)
            enqueue(line, descriptors: descriptors)
            flushNow()
        }
        return try result.get()
    }

    /// Sends the client a notification.
    ///
    /// - Returns: whether it can still be reached; not whether it has read it.
    @discardableResult
    public func notify(_ method: String, params: (inout JSONWriter) -> Void = { _ in }) -> Bool {
        guard phase == .open else { return false }
        enqueue(message(method, id: nil, descriptorCount: 0, params: params))
        flushNow()
        return phase == .open
    }

    private func message(
        _ method: String, id: String?, descriptorCount: Int, params: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            if let id { writer.member("id", id) }
            writer.member("method", method)
            writer.object("params") { writer in
                if descriptorCount > 0 { writer.member("fds", descriptorCount) }
                params(&writer)
            }
        }
        writer.endLine()
        return writer.take()
    }

    func hasCall(_ id: RequestID) -> Bool {
        guard case .string(let id) = id else { return false }
        return calls[id] != nil || lateCalls[id] != nil
    }

    /// Hands an answer to whoever waits for it.
    func finishCall(_ id: RequestID, with result: Result<JSONValue, CallError>) {
        guard case .string(let name) = id, let call = calls.removeValue(forKey: name) else {
            return finishLateCall(id)
        }
        Reactor.main.cancel(call.timer)
        call.continuation.resume(returning: result)
    }

    /// An answer for which nobody waits any more; or nobody ever did.
    private func finishLateCall(_ id: RequestID) {
        guard case .string(let name) = id, let late = lateCalls.removeValue(forKey: name) else {
            return observer(.strayResponse(self, id))
        }
        late()
    }

    /// Nobody will answer any more.
    func endCalls() {
        let late = lateCalls.values
        lateCalls.removeAll()
        for handler in late { handler() }
        let ended = calls.values
        calls.removeAll()
        for call in ended {
            Reactor.main.cancel(call.timer)
            call.continuation.resume(returning: .failure(.gone))
        }
    }
}
