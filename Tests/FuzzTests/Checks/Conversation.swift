// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import JSON
import Reactor

@testable import JSONRPC

/// A connection, from its beginning to its end, with a client at the other end of a real socket.
@ReactorActor
final class Conversation {
    /// A request that came to its method.
    struct Served: Equatable {
        let method: String
        let id: RequestID?
        /// Its descriptors, in the order in which the client sent them.
        let descriptors: [Int]
    }

    /// Small, so that they are reached.
    nonisolated static let limits: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.lineBytes = 384
        limits.nesting = 8
        limits.batchMessages = 3
        limits.queuedDescriptors = 16
        limits.outputHighWater = 512
        return limits
    }()

    private(set) var served: [Served] = []
    private(set) var answers: [UInt8] = []
    /// Whether the client was told that it broke the rules.
    private(set) var isFaulty = false

    private let client: CInt
    private var connection: Connection?
    /// Descriptors are ends of pipes: the other end tells when the last of them is closed.
    private var readEnds: [CInt] = []
    private var numbers: [ino_t: Int] = [:]

    /// Sends all pieces, ends, and waits until everything has come to its end.
    init(_ pieces: [ClientPiece]) {
        var (here, there): (CInt, CInt) = (-1, -1)
        precondition(unsafe clinux_unix_pair(&here, &there) == 0)
        client = there
        connection = connect(here)
        for piece in pieces {
            guard send(piece) else { break }
            if piece.isReadAtOnce { serve() }
        }
        shutdown(client, CInt(SHUT_WR))
        serve()
        precondition(connection?.phase == .closed, "the connection does not end")
        connection = nil
        close(client)
        expectAllClosed()
    }

    /// Whether descriptors came to requests in the order in which they were sent, and each to one at most.
    var isInOrder: Bool {
        let order = served.flatMap(\.descriptors)
        return zip(order, order.dropFirst()).allSatisfy { $0 < $1 }
    }

    private func connect(_ socket: CInt) -> Connection {
        let dispatcher = Dispatcher(
            [("take", true), ("note", false)].map { name, takesDescriptors in
                ServedMethod(
                    name, isQuery: false, takesDescriptors: takesDescriptors,
                    handler: .immediate { [weak self] request in
                        self?.note(request)
                        return .value(request.params)
                    })
            })
        do {
            return try Connection(
                owning: OwnedDescriptor(owning: socket), kind: .full, dispatcher: dispatcher, limits: Self.limits,
                observer: { [weak self] event in if case .fault = event { self?.isFaulty = true } })
        } catch {
            preconditionFailure("there is no connection: \(error)")
        }
    }

    private func note(_ request: Request) {
        precondition(
            request.params["fds"]?.intValue ?? 0 == Int64(request.descriptors.count),
            "a request was served with other descriptors than it declared")
        let descriptors = request.descriptors.map { descriptor in
            var status = stat()
            precondition(unsafe fstat(descriptor.number, &status) == 0, "a request got what is closed")
            guard let number = numbers[status.st_ino] else { preconditionFailure("a request got what nobody sent") }
            return number
        }
        served.append(Served(method: request.method, id: request.id, descriptors: descriptors))
    }

    // MARK: - Sending

    /// Whether there is still somebody to send to.
    private func send(_ piece: ClientPiece) -> Bool {
        var writeEnds = (0..<piece.descriptorCount).map { _ in makePipe() }
        defer { for end in writeEnds { close(end) } }
        var rest = piece.bytes[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes { bytes in
                unsafe clinux_send(client, bytes.baseAddress, bytes.count, writeEnds, writeEnds.count)
            }
            if sent == -Int(EAGAIN) {
                serve()
                continue
            }
            guard sent > 0 else { return false }
            for end in writeEnds { close(end) }
            writeEnds = []
            rest = rest.dropFirst(sent)
        }
        return true
    }

    private func makePipe() -> CInt {
        var ends: [CInt] = [-1, -1]
        var status = stat()
        precondition(unsafe pipe(&ends) == 0 && fstat(ends[1], &status) == 0)
        // A process that a test starts meanwhile must not keep it open.
        for end in ends { precondition(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        numbers[status.st_ino] = readEnds.count
        readEnds.append(ends[0])
        return ends[1]
    }

    // MARK: - Serving

    /// Does what the event loop would have the connection do, until there is nothing left.
    private func serve() {
        guard let connection else { return }
        var rounds = 0
        repeat {
            rounds += 1
            precondition(rounds < 10_000, "serving does not come to an end")
            if connection.phase != .closed {
                connection.receive()
                connection.flush()
                connection.update()
            }
        } while receiveAnswers() || hasInput(connection)
    }

    /// Whether any have come.
    private func receiveAnswers() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var hasAny = false
        while true {
            let count = unsafe read(client, &buffer, buffer.count)
            guard count > 0 else { return hasAny }
            answers += buffer.prefix(count)
            hasAny = true
        }
    }

    private func hasInput(_ connection: Connection) -> Bool {
        guard connection.phase != .closed, !connection.isInputEnded else { return false }
        return Self.events(POLLIN, at: connection.socket.number) != 0
    }

    /// What has happened at a descriptor, of these and of what is always told.
    private static func events(_ events: CInt, at number: CInt, within milliseconds: CInt = 0) -> Int16 {
        var request = pollfd(fd: number, events: Int16(events), revents: 0)
        return unsafe poll(&request, 1, milliseconds) > 0 ? request.revents : 0
    }

    private func expectAllClosed() {
        for end in readEnds {
            precondition(Self.events(0, at: end, within: 5000) & Int16(POLLHUP) != 0, "a descriptor was not closed")
            close(end)
        }
    }
}
