// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A connected socket over which lines are sent and received, each within a deadline.
struct LineConnection: ~Copyable {
    /// What the socket is called in errors.
    let path: String

    let descriptor: CInt
    private var received: [UInt8] = []

    /// A line of an answer is at most this long: the tables of 4096 vCPUs take half of it.
    static let maximumLine = 64 << 20

    /// Takes over a connected socket.
    init(adopting descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    init(path: String) throws(ConnectionError) {
        // The text is read only during the call.
        let descriptor = unsafe clinux_unix_connect(path)
        guard descriptor >= 0 else { throw ConnectionError(path: path, .notConnected(errno: -descriptor)) }
        self.init(adopting: descriptor, path: path)
    }

    deinit { close(descriptor) }

    /// Sends a line, which ends with its line feed.
    func send(_ line: [UInt8], by deadline: Deadline) throws(ConnectionError) {
        var rest = line[...]
        while !rest.isEmpty {
            try wait(for: POLLOUT, by: deadline)
            // The bytes are read only during the call, and no descriptors go with them.
            let sent = unsafe rest.withUnsafeBytes { bytes in
                unsafe clinux_send(descriptor, bytes.baseAddress, bytes.count, nil, 0)
            }
            if sent >= 0 {
                rest = rest.dropFirst(sent)
            } else if sent != -Int(EAGAIN) {
                throw ConnectionError(path: path, Self.reason(errno: CInt(-sent)))
            }
        }
    }

    /// The next line without its line feed; nil when it is longer than ``maximumLine``.
    mutating func receive(by deadline: Deadline) throws(ConnectionError) -> [UInt8]? {
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeFirst(end + 1) }
                return Array(received[..<end])
            }
            searched = received.count
            guard searched <= Self.maximumLine else { return nil }
            try wait(for: POLLIN, by: deadline)
            try readMore()
        }
    }

    private mutating func readMore() throws(ConnectionError) {
        let capacity = 1 << 16
        var count = 0
        // read(2) takes no descriptors in: those that a peer might send with the bytes are dropped by the kernel.
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            count = unsafe read(descriptor, buffer.baseAddress, capacity)
            initialized = max(count, 0)
        }
        if count == 0 { throw ConnectionError(path: path, .closed) }
        if count < 0, errno != EINTR, errno != EAGAIN { throw ConnectionError(path: path, Self.reason(errno: errno)) }
        received += chunk
    }

    private func wait(for events: CInt, by deadline: Deadline) throws(ConnectionError) {
        while true {
            guard let milliseconds = deadline.remainingMilliseconds else {
                throw ConnectionError(path: path, .timedOut(deadline.time))
            }
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            // One entry, alive during the call.
            let ready = unsafe poll(&entry, 1, milliseconds)
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw ConnectionError(path: path, .broken(errno: errno)) }
        }
    }

    /// A peer that closes while it has not read everything shows as a broken connection, too.
    private static func reason(errno: CInt) -> ConnectionError.Reason {
        errno == EPIPE || errno == ECONNRESET ? .closed : .broken(errno: errno)
    }
}

/// The instant at which a call gives up.
struct Deadline {
    /// How long the call had in all.
    let time: Duration
    private let end: ContinuousClock.Instant

    init(after time: Duration) {
        self.time = time
        end = .now + time
    }

    /// What poll(2) is to wait, rounded up; nil when the time is over.
    var remainingMilliseconds: CInt? {
        let rest = ContinuousClock.now.duration(to: end)
        guard rest > .zero else { return nil }
        let milliseconds = rest / .milliseconds(1)
        return CInt(clamping: Int64(min(milliseconds, 1e9)) + 1)
    }
}
