// SPDX-License-Identifier: Apache-2.0

import Descriptors
import JSON
import Reactor

extension Connection {
    /// Serves a line: a message or a batch of them.
    func serve(_ line: ArraySlice<UInt8>) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line, limits: limits.json)
        } catch {
            return refuseUnreadable("The line is not JSON: \(error).")
        }
        unclaimedLineBytes = line.count
        defer { unclaimedLineBytes = 0 }
        switch value {
        case .object(let object): serve(object, batch: nil)
        case .array(let messages): serveBatch(messages)
        default:
            let message = "A message is an object, or an array of objects."
            sendError(RPCError(code: RPCError.Code.invalidRequest, message: message), id: .null, batch: nil)
        }
    }

    /// A line that cannot be read does not say how many descriptors are its own. With any in the queue, those of the
    /// requests behind it are no longer known.
    private func refuseUnreadable(_ message: String) {
        let error = RPCError(code: RPCError.Code.parseError, message: message)
        if descriptors.isEmpty { sendError(error, id: .null, batch: nil) } else { fail(error) }
    }

    private func serveBatch(_ messages: [JSONValue]) {
        func refuse(_ message: String) {
            sendError(RPCError(code: RPCError.Code.invalidRequest, message: message), id: .null, batch: nil)
        }
        guard !messages.isEmpty else { return refuse("The batch is empty.") }
        // First of all, for the descriptors of a batch that is refused must not go to the next request.
        let declared = messages.compactMap(\.objectValue).map(Message.declaredDescriptors(of:))
        if declared.contains(where: { $0 != 0 }) {
            // Taken, and closed by that.
            guard takeDescriptors(declared, id: .null) != nil else { return }
            return refuse("Requests with descriptors cannot stand in a batch.")
        }
        guard messages.count <= limits.batchMessages else {
            return refuse("The batch has more than \(limits.batchMessages) messages.")
        }
        let batch = Batch(count: messages.count)
        for message in messages {
            guard case .object(let object) = message else {
                let error = RPCError(code: RPCError.Code.invalidRequest, message: "A message is an object.")
                sendError(error, id: .null, batch: batch)
                continue
            }
            serve(object, batch: batch)
        }
    }

    private func serve(_ object: JSONObject, batch: Batch?) {
        let message = Message(object)
        let id = message.id
        guard let descriptors = takeDescriptors([Message.declaredDescriptors(of: object)], id: id ?? .null) else {
            return
        }
        switch message {
        case .request(let id, let method, let params):
            let request = Request(
                id: id, method: method, params: params, descriptors: descriptors, connection: self)
            serve(request, batch: batch)
        case .response(let id, let result):
            finishCall(id, with: result)
            if let line = batch?.finishOne() { enqueue(line) }
        case .invalid(let id, let error):
            if object["method"] == nil, hasCall(id) {
                finishCall(id, with: .failure(.malformed("it has neither a result nor an error")))
                if let line = batch?.finishOne() { enqueue(line) }
            } else {
                sendError(error, id: id, batch: batch)
            }
        }
    }

    /// Takes the descriptors that messages have declared. `nil` when they are not there: the connection has failed.
    private func takeDescriptors(_ declared: [Int?], id: RequestID) -> [SharedDescriptor]? {
        let counts = declared.compactMap(\.self)
        let count = counts.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        if counts.count == declared.count || descriptors.isEmpty, let taken = descriptors.take(count) { return taken }
        let message =
            counts.count == declared.count
            ? "The request declares \(count) descriptors, and \(descriptors.count) have arrived with it."
            : "The member 'fds' must say how many descriptors come with the request."
        fail(.descriptorCount(message, declared: count, received: descriptors.count), id: id)
        return nil
    }

    // MARK: - Methods

    private func serve(_ request: Request, batch: Batch?) {
        do throws(RPCError) {
            let method = try dispatcher.method(named: request.method, on: kind)
            try check(request, for: method)
            let start = dispatcher.startTime
            switch method.handler {
            case .immediate(let handler):
                let result = Result { try handler(request) }
                finish(request, with: result, since: start, batch: batch)
            case .asynchronous(let handler):
                let bytes = unclaimedLineBytes
                unclaimedLineBytes = 0
                unansweredRequests += 1
                descriptorsInService += request.descriptors.count
                bytesInService += bytes
                settleAccount()
                ReactorActor.task { [self] in
                    let result: Result<Reply, any Error>
                    do { result = .success(try await handler(request)) } catch { result = .failure(error) }
                    unansweredRequests -= 1
                    descriptorsInService -= request.descriptors.count
                    bytesInService -= bytes
                    settleAccount()
                    finish(request, with: result, since: start, batch: batch)
                    flushNow()
                }
            }
        } catch {
            sendError(error, id: request.id, batch: batch)
        }
    }

    private func check(_ request: Request, for method: ServedMethod) throws(RPCError) {
        if let fds = request.params["fds"], fds.intValue.map({ $0 < 0 }) ?? true {
            throw RPCError(
                code: RPCError.Code.invalidParams, message: "params.fds must be a whole number, 0 or more.")
        }
        if !method.takesDescriptors, !request.descriptors.isEmpty {
            throw RPCError(
                code: RPCError.Code.invalidParams, message: "The method '\(method.name)' takes no descriptors.")
        }
        if case .asynchronous = method.handler, unansweredRequests >= limits.unansweredRequests {
            throw .limitExceeded(
                "\(limits.unansweredRequests) requests of this connection are not answered yet; wait for one.",
                limit: "unansweredRequests", value: limits.unansweredRequests)
        }
        if case .asynchronous = method.handler, let excess = account?.excess(of: self) { throw excess }
    }

    private func finish(
        _ request: Request, with result: Result<Reply, any Error>, since start: ContinuousClock.Instant?,
        batch: Batch?
    ) {
        var errorCode: Int?
        switch result {
        case .success(let reply):
            send(reply, id: request.id, batch: batch)
        case .failure(let error):
            let answer = RPCError(answering: error)
            errorCode = answer.code
            if answer.code == RPCError.Code.internalError {
                observer(.handlerFailed(self, method: request.method, error))
            }
            sendError(answer, id: request.id, batch: batch)
        }
        dispatcher.finished(request.method, errorCode: errorCode, since: start)
    }
}
