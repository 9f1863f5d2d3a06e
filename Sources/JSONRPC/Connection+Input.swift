// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import JSON
import Reactor

extension Connection {
    /// How often one client is read before others get their turn.
    private static let readsPerTurn = 16

    /// Answers are collected up to this size before they are sent, to send those of a pipeline at once.
    private static let collectedOutput = 64 * 1024

    private enum Received {
        case bytes(isMoreLikely: Bool)
        case nothing
        case end
        case failure(SystemError)
    }

    /// Reads what there is, and serves it.
    func receive() {
        // Lines may be left from when the client was too slow to read its answers.
        serveLines()
        for _ in 0..<Self.readsPerTurn {
            guard phase != .closed, !isInputEnded, !isPaused else { break }
            guard receiveMore() else { break }
        }
        flush()
        watchDescriptorWait()
    }

    /// Reads once. Whether to go on reading is the result.
    private func receiveMore() -> Bool {
        switch receiveOnce() {
        case .bytes(let isMoreLikely):
            serveLines()
            // Lines that were served wait no more; what has no end yet does.
            input.trim()
            settleAccount()
            if let excess = account?.bytesExcess { fail(excess) }
            account?.relieve()
            // What descriptors that nobody took are depends on what follows them, so look whether anything does.
            return isMoreLikely || hasUnclaimedDescriptors
        case .nothing:
            if hasUnclaimedDescriptors { failUnclaimedDescriptors() }
            return false
        case .end:
            endInput()
            return false
        case .failure(let error):
            close(error.errno == ECONNRESET ? .peerClosed : .failed(error))
            return false
        }
    }

    /// Makes one call of recvmsg(2). Descriptors are in the queue before the bytes that they came with are looked at.
    private func receiveOnce() -> Received {
        var result = 0
        var isTruncated = false
        var isFull = false
        var count = 0
        unsafe withUnsafeTemporaryAllocation(of: CInt.self, capacity: CLINUX_MAX_DESCRIPTORS) { numbers in
            isFull = unsafe input.fill { memory in
                // Both buffers have the sizes that the call counts on.
                result = unsafe clinux_receive(
                    socket.number, memory.baseAddress, memory.count, numbers.baseAddress, &count, &isTruncated)
                return max(0, result)
            }
            if count > 0 { unsafe descriptors.append(owning: UnsafeBufferPointer(rebasing: numbers[..<count])) }
        }
        if phase != .open { discardInput() }
        settleAccount()
        if count > 0 || isTruncated { checkDescriptors(isTruncated: isTruncated) }
        if result == -Int(EAGAIN) { return .nothing }
        if result < 0 { return .failure(SystemError(errno: CInt(-result), operation: "recvmsg")) }
        return result == 0 ? .end : .bytes(isMoreLikely: isFull || count > 0)
    }

    /// Throws away what a client sends that is to go.
    func discardInput() {
        input = LineFramer(limit: limits.lineBytes)
        descriptors.closeAll()
    }

    private func serveLines() {
        while phase == .open, !isPaused {
            do throws(LineTooLong) {
                guard let line = try input.nextLine() else { return }
                if !line.isEmpty { serve(line) }
            } catch {
                return fail(
                    RPCError(
                        code: RPCError.Code.invalidRequest,
                        message: "The line is longer than \(error.limit) bytes, the limit of a message.",
                        data: JSONObject([("limit", "lineBytes"), ("value", .integer(Int64(error.limit)))])))
            }
            if output.byteCount > Self.collectedOutput { flush() }
        }
    }

    /// The client sends no more. What it asked before is still answered.
    private func endInput() {
        isInputEnded = true
        endCalls()
        guard phase == .open else { return }
        if !input.isEmpty {
            let message = "The connection ended inside a line; a message ends with a line feed."
            sendError(RPCError(code: RPCError.Code.parseError, message: message), id: .null, batch: nil)
        } else if !descriptors.isEmpty {
            failUnclaimedDescriptors()
        }
        descriptors.closeAll()
    }
}

// MARK: - Descriptors

extension Connection {
    private var hasUnclaimedDescriptors: Bool {
        phase == .open && !isPaused && input.isEmpty && !descriptors.isEmpty
    }

    private func failUnclaimedDescriptors() {
        fail(
            .descriptorCount(
                "Descriptors were sent that no request declared in 'fds'.", declared: 0, received: descriptors.count))
    }

    /// Judges what has just arrived by what needs no request to judge it.
    private func checkDescriptors(isTruncated: Bool) {
        if isTruncated {
            fail(
                .descriptorCount(
                    "The kernel dropped descriptors that were sent: the daemon may not open more files.",
                    received: descriptors.count))
        } else if kind == .query {
            fail(.descriptorCount("The query socket takes no descriptors.", declared: 0, received: descriptors.count))
        } else if descriptors.count > limits.queuedDescriptors {
            fail(
                .limitExceeded(
                    "More than \(limits.queuedDescriptors) descriptors wait for a request that takes them.",
                    limit: "queuedDescriptors", value: limits.queuedDescriptors))
        } else if let excess = account?.descriptorsExcess {
            fail(excess)
        }
    }

    /// Descriptors are scarce, so a line that brings some must end in time.
    private func watchDescriptorWait() {
        if descriptors.isEmpty || phase != .open {
            if let timer = descriptorTimer { Reactor.main.cancel(timer) }
            descriptorTimer = nil
        } else if descriptorTimer == nil {
            descriptorTimer = Reactor.main.schedule(after: limits.descriptorWait) { [weak self] in
                guard let self else { return }
                fail(
                    .descriptorCount(
                        "Descriptors were sent, but the line that declares them did not end in time.",
                        received: descriptors.count))
                update()
            }
        }
    }
}
