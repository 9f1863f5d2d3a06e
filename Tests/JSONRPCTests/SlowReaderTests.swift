// SPDX-License-Identifier: Apache-2.0

import JSON
import JSONRPC
import Reactor
import Testing

@Suite("Clients that do not read")
struct SlowReaderTests {
    private var limits: ConnectionLimits {
        var limits = ConnectionLimits()
        limits.outputHighWater = 300_000
        limits.outputBytes = 2_000_000
        return limits
    }

    @Test func whoReadsLateGetsEverything() async throws {
        let (server, client) = try await TestServer.connect(limits: limits)
        // 10 MB of answers: far more than may wait, so reading must have stopped in between.
        let count = 100
        let requests = (1...count).map { TestClient.line("big", id: $0, params: #"{"bytes":100000}"#) }
        // In one piece: many small ones fill the socket while nobody reads.
        try client.send(requests.joined())
        try await Reactor.main.sleep(for: .milliseconds(50))
        #expect(await server.finished.count < 20)
        for id in 1...count { #expect(try client.result(id: id).stringValue?.utf8.count == 100_000) }
        #expect(await server.events == ["opened"])
        try client.request("echo")
        #expect(try client.result() == [:])
    }

    @Test func oneOfThemHoldsUpNobodyElse() async throws {
        let (_, slow) = try await TestServer.connect(limits: limits)
        for id in 1...50 { try slow.request("big", id: id, params: #"{"bytes":100000}"#) }
        let (_, other) = try await TestServer.connect()
        try other.request("echo")
        #expect(try other.result() == [:])
    }

    @Test func tooMuchForOneClientDropsIt() async throws {
        let (server, client) = try await TestServer.connect(limits: limits)
        try client.request("big", params: #"{"bytes":2000000}"#)
        try await server.waitForEvent("dropped because the client does not read its answers")
        try client.expectEnd()
    }

    @Test func aClientThatVanishesWhileItIsWaitedForIsNoticed() async throws {
        let (server, client) = try await TestServer.connect(limits: limits)
        for id in 1...50 { try client.request("big", id: id, params: #"{"bytes":100000}"#) }
        _ = consume client
        try await server.waitForEvent("closed by the client")
    }
}
