// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import JSON
import Reactor
import Synchronization
import Testing

@testable import JSONRPC

/// What all clients together may have wait.
@Suite("Bytes of all clients")
struct ByteBudgetTests {
    private static let serial = Atomic<Int>(0)
    private static let limit = 1 << 20

    /// A service whose clients may have a mebibyte wait.
    @ReactorActor
    private final class Service {
        nonisolated let path: String
        let server: TestServer
        let accounts: UserAccounts
        private let listener: Listener

        init() throws {
            path = "/tmp/jsonrpc-budget-\(getpid())-\(serial.add(1, ordering: .relaxed).newValue).sock"
            server = TestServer()
            accounts = UserAccounts()
            accounts.byteLimit = limit
            listener = Listener(
                owning: try Listener.bind(to: path, mode: 0o600), kind: .full, dispatcher: server.makeDispatcher(),
                accounts: accounts, observer: { [weak server] in server?.note($0) })
            try listener.start()
        }

        deinit { unsafe unlink(path) }

        nonisolated func connect() throws -> TestClient {
            let socket = unsafe clinux_unix_connect(path)
            try #require(socket >= 0)
            return TestClient(owning: socket)
        }
    }

    @ReactorActor
    private func waiting(_ service: Service) -> Int { service.accounts.queuedBytes }

    private func settled(_ service: Service, _ condition: (Int) -> Bool) async throws {
        for _ in 0..<30_000 {
            if condition(await waiting(service)) { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("\(await waiting(service)) bytes wait")
    }

    @Test func whoHasTheMostIsToldAndEndsAndOthersAreServed() async throws {
        Reactor.startThread()
        let service = try await Service()
        let small = try service.connect()
        let hogs = try (0..<3).map { _ in try service.connect() }
        // Memory for a line is doubled as it grows: these take half of the limit.
        for hog in hogs.dropLast() { try hog.send([UInt8](repeating: 0x20, count: 400_000)) }
        try await settled(service) { $0 >= 2 * 512 << 10 }
        try hogs[2].send([UInt8](repeating: 0x20, count: 100_000))
        // Before these are read, what waits is just the limit.
        for _ in 0..<30_000 where try !hogs.contains(where: { try $0.hasInput() }) {
            try await Task.sleep(for: .milliseconds(2))
        }
        try await settled(service) { $0 <= Self.limit }
        var told = 0
        for hog in hogs where try hog.hasInput() {
            let error = try hog.error(id: .null)
            #expect(error["data"] == ["kind": "limitExceeded", "limit": "queuedBytes", "value": .integer(1 << 20)])
            try hog.expectEnd()
            told += 1
        }
        #expect(told == 1)
        // The one that made it too much was not the one with the most.
        #expect(try !hogs[2].hasInput())
        let text = String(repeating: "y", count: 60_000)
        for _ in 0..<3 {
            try small.request("echo", params: #"{"text":"\#(text)"}"#)
            #expect(try small.result() == ["text": .string(text)])
        }
    }

    @Test func littleIsLetBeHoweverManyHaveIt() async throws {
        Reactor.startThread()
        let service = try await Service()
        let clients = try (0..<24).map { _ in try service.connect() }
        let line = TestClient.line("echo", params: #"{"text":"\#(String(repeating: "y", count: 60_000))"}"#)
        for client in clients { try client.send(String(line.dropLast())) }
        try await settled(service) { $0 > Self.limit }
        for client in clients { try client.send("\n") }
        for client in clients { #expect(try client.result()["text"]?.stringValue?.utf8.count == 60_000) }
        try await settled(service) { $0 <= 24 * 64 << 10 }
    }

    @Test func answersThatNobodyReadsCountToo() async throws {
        Reactor.startThread()
        let service = try await Service()
        let slow = try (0..<6).map { _ in try service.connect() }
        for client in slow {
            for id in 1...6 { try client.request("big", id: id, params: #"{"bytes":100000}"#) }
        }
        try await service.server.waitForEvent("dropped because the client does not read its answers")
        try await settled(service) { $0 <= Self.limit }
        let other = try service.connect()
        try other.request("echo")
        #expect(try other.result() == [:])
    }

    @Test func requestsThatAreServedCountToo() async throws {
        Reactor.startThread()
        let service = try await Service()
        let client = try service.connect()
        let (text, count) = (String(repeating: "y", count: 60_000), 40)
        for id in 1...count { try client.request("slowEcho", id: id, params: #"{"ms":2000,"text":"\#(text)"}"#) }
        var (served, refused) = (0, 0)
        for _ in 1...count {
            let answer = try client.line()
            if let error = answer["error"] {
                #expect(error["data"]?["limit"] == "queuedBytes")
                refused += 1
            } else {
                served += 1
            }
        }
        #expect(served >= 10 && refused >= 10, "\(served) served, \(refused) refused")
        try client.request("echo")
        #expect(try client.result() == [:])
        try await settled(service) { $0 <= 64 << 10 }
    }

    @Test func aLongLineLeavesNoMemoryBehind() async throws {
        Reactor.startThread()
        let service = try await Service()
        let client = try service.connect()
        try client.request("echo", params: #"{"text":"\#(String(repeating: "y", count: 300_000))"}"#)
        _ = try client.result()
        try await settled(service) { $0 <= 64 << 10 }
        _ = consume client
        try await settled(service) { $0 == 0 }
    }
}

extension TestClient {
    /// Whether anything has come, or the end.
    fileprivate func hasInput() throws -> Bool {
        var request = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, 0) > 0
    }
}
