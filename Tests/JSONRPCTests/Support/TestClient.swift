// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import JSON
import JSONRPC
import Testing

/// A client that does with the socket what it is told and no more, and does not wait for ever.
final class TestClient {
    struct Silence: Error {}

    static let patience: CInt = 60_000

    let socket: CInt
    private var framer = LineFramer(limit: 256 << 20)
    private(set) var received: [CInt] = []
    private(set) var isEnded = false

    init(owning socket: CInt) {
        self.socket = socket
    }

    deinit {
        for descriptor in received { Glibc.close(descriptor) }
        Glibc.close(socket)
    }

    // MARK: - Sending

    /// Sends bytes in one message, and the rest of it when the socket is full for a while.
    func send(_ bytes: some Collection<UInt8>, descriptors: [CInt] = []) throws {
        var rest = Array(bytes)[...]
        var descriptors = descriptors
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes { bytes in
                unsafe clinux_send(socket, bytes.baseAddress, bytes.count, descriptors, descriptors.count)
            }
            if sent == -Int(EAGAIN) {
                try wait(for: Int16(POLLOUT))
                continue
            }
            guard sent >= 0 else { throw Silence() }
            descriptors = []
            rest = rest.dropFirst(sent)
        }
    }

    func send(_ text: String, descriptors: [CInt] = []) throws {
        try send(Array(text.utf8), descriptors: descriptors)
    }

    /// Sends a request; parameters are JSON text.
    func request(_ method: String, id: Int = 1, params: String = "{}", descriptors: [CInt] = []) throws {
        try send(Self.line(method, id: id, params: params), descriptors: descriptors)
    }

    static func line(_ method: String, id: Int = 1, params: String = "{}") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"# + "\n"
    }

    func endSending() {
        shutdown(socket, Int32(SHUT_WR))
    }

    // MARK: - Receiving

    /// The next line as text.
    func lineBytes() throws -> [UInt8] {
        while true {
            if let line = try framer.nextLine() { return Array(line) }
            guard try receive() else { throw Silence() }
        }
    }

    func line() throws -> JSONValue {
        try JSONValue(parsing: try lineBytes(), limits: JSONLimits(maxBytes: .max, maxMembers: .max))
    }

    /// The result of the next answer.
    func result(id: Int = 1) throws -> JSONValue {
        let answer = try line()
        #expect(answer["id"] == .integer(Int64(id)), "\(answer)")
        return try #require(answer["result"], "\(answer)")
    }

    /// The error of the next answer.
    func error(id: JSONValue = 1) throws -> JSONValue {
        let answer = try line()
        #expect(answer["id"] == id, "\(answer)")
        return try #require(answer["error"], "\(answer)")
    }

    func errorCode(id: JSONValue = 1) throws -> Int64? {
        try error(id: id)["code"]?.intValue
    }

    /// Takes over the descriptors that have arrived.
    func takeDescriptors() -> [CInt] {
        defer { received = [] }
        return received
    }

    /// Expects that the server closes, and sends nothing before.
    func expectEnd(sourceLocation: SourceLocation = #_sourceLocation) throws {
        while try receive() {}
        #expect(try framer.nextLine() == nil, sourceLocation: sourceLocation)
        #expect(isEnded, sourceLocation: sourceLocation)
    }

    /// `false` at the end of the stream.
    private func receive() throws -> Bool {
        if isEnded { return false }
        try wait(for: Int16(POLLIN))
        var buffer = [UInt8](repeating: 0, count: 65536)
        var numbers = [CInt](repeating: -1, count: CLINUX_MAX_DESCRIPTORS)
        var count = 0
        var isTruncated = false
        let length = unsafe clinux_receive(socket, &buffer, buffer.count, &numbers, &count, &isTruncated)
        received += numbers.prefix(count)
        #expect(!isTruncated)
        if length == -Int(EAGAIN) { return true }
        guard length > 0 else {
            #expect(length == 0 || length == -Int(ECONNRESET))
            isEnded = true
            return false
        }
        framer.append(buffer.prefix(length))
        return true
    }

    private func wait(for events: Int16) throws {
        var request = pollfd(fd: socket, events: events, revents: 0)
        guard unsafe poll(&request, 1, Self.patience) > 0 else { throw Silence() }
    }
}
