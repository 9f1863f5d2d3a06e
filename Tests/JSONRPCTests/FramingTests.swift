// SPDX-License-Identifier: Apache-2.0

import JSON
import JSONRPC
import Testing

@Suite("Framing on a socket")
struct FramingTests {
    @Test func aRequestMayArriveByteByByte() async throws {
        let (_, client) = try await TestServer.connect()
        for byte in TestClient.line("echo", params: #"{"a":"ü"}"#).utf8 { try client.send([byte]) }
        #expect(try client.result() == ["a": "ü"])
    }

    @Test func requestsMayBeGluedTogetherAndCutAnywhere() async throws {
        let (_, client) = try await TestServer.connect()
        let stream = Array((1...50).map { TestClient.line("echo", id: $0) }.joined().utf8)
        var start = 0
        while start < stream.count {
            let end = min(start + .random(in: 1...100), stream.count)
            try client.send(stream[start..<end])
            start = end
        }
        for id in 1...50 { #expect(try client.result(id: id) == [:]) }
    }

    @Test func emptyLinesAreIgnored() async throws {
        let (_, client) = try await TestServer.connect()
        try client.send("\n\n\n" + TestClient.line("echo") + "\n")
        #expect(try client.result() == [:])
    }

    @Test func aLineThatIsNotJSONIsAnsweredWithItsPlaceAndTheConnectionGoesOn() async throws {
        let (_, client) = try await TestServer.connect()
        try client.send("{\"jsonrpc\":x}\n")
        let error = try client.error(id: .null)
        #expect(error["code"] == -32700)
        #expect(error["message"]?.stringValue?.contains("at byte 11") ?? false, "\(error)")
        try client.request("echo")
        #expect(try client.result() == [:])
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, String(repeating: "[", count: 65) + String(repeating: "]", count: 65), "nonsense",
        "\u{FEFF}{}",
    ])
    func whatStrictReadersRefuseIsAParseError(line: String) async throws {
        let (_, client) = try await TestServer.connect()
        try client.send(line + "\n")
        #expect(try client.errorCode(id: .null) == -32700)
    }

    @Test func bytesThatAreNotUTF8AreAParseError() async throws {
        let (_, client) = try await TestServer.connect()
        try client.send(Array(#"{"a":""#.utf8) + [0xFF] + Array("\"}\n".utf8))
        #expect(try client.errorCode(id: .null) == -32700)
    }

    @Test func aLineBeyondTheLimitEndsTheConnectionWithAnError() async throws {
        var limits = ConnectionLimits()
        limits.lineBytes = 1000
        let (server, client) = try await TestServer.connect(limits: limits)
        // More than the socket holds, so the client is still sending when it is refused. The server does not hear it out
        // for ever, and a client that is too slow for it is told all the same.
        try? client.send(String(repeating: "x", count: 1_000_000))
        #expect(try client.errorCode(id: .null) == -32600)
        try client.expectEnd()
        client.endSending()
        try await server.waitForEvent("closed after a protocol fault")
    }

    @Test func aLineOfExactlyTheLimitIsServed() async throws {
        var limits = ConnectionLimits()
        limits.lineBytes = 2000
        let (_, client) = try await TestServer.connect(limits: limits)
        let bare = TestClient.line("echo", params: #"{"a":""}"#).utf8.count - 1
        let text = String(repeating: "y", count: 2000 - bare)
        try client.request("echo", params: #"{"a":"\#(text)"}"#)
        #expect(try client.result() == ["a": .string(text)])
    }

    @Test func afterHalfCloseEverythingIsStillAnswered() async throws {
        let (server, client) = try await TestServer.connect()
        try client.send(
            TestClient.line("slowEcho", id: 1, params: #"{"ms":20}"#) + TestClient.line("echo", id: 2))
        client.endSending()
        #expect(try client.result(id: 2) == [:])
        #expect(try client.result(id: 1) == ["ms": 20])
        try client.expectEnd()
        try await server.waitForEvent("closed by the client")
    }

    @Test func halfCloseInsideALineIsToldToTheClient() async throws {
        let (_, client) = try await TestServer.connect()
        try client.send(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#)
        client.endSending()
        let error = try client.error(id: .null)
        #expect(error["code"] == -32700)
        #expect(error["message"]?.stringValue?.contains("line feed") ?? false)
        try client.expectEnd()
    }

    @Test func aClientThatVanishesLeavesNothingBehind() async throws {
        let (server, client) = try await TestServer.connect()
        try client.send(TestClient.line("slowEcho", params: #"{"ms":5}"#) + "{\"unfinished")
        _ = consume client
        try await server.waitForEvent("closed by the client")
    }
}
