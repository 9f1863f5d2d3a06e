// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPUModelAPI
import Glibc
import JSON
import Testing

@testable import CPUModelClient

/// The other end of a client's connection. What it sends before a call waits in the socket until the call reads it.
private final class Peer {
    private let descriptor: CInt
    private let clientEnd: CInt

    init() throws {
        var (first, second): (CInt, CInt) = (-1, -1)
        try #require(unsafe clinux_unix_pair(&first, &second) == 0)
        (descriptor, clientEnd) = (first, second)
    }

    deinit { close(descriptor) }

    /// The client; to be asked for once.
    func client() -> Client { Client(LineConnection(adopting: clientEnd, path: "/pair")) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
    }

    func hangUp() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    func received() -> String {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
}

@Suite struct ClientTests {
    @Test func requestIsOneLineAndItsAnswerIsTheResult() throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"vms\":[]}}\n")
        #expect(try client.call(.listVMs) == ["vms": []])
        #expect(peer.received() == "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vm.list\"}\n")
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":7}\n")
        #expect(try client.call(.showVM, ["vm": "w"]) == 7)
        #expect(peer.received() == "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"vm.show\",\"params\":{\"vm\":\"w\"}}\n")
    }

    @Test func whatTheDaemonSaysOfItsOwnAccordIsPassedOver() throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send("{\"jsonrpc\":\"2.0\",\"method\":\"vm.appeared\",\"params\":{}}\n")
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":\"job-1\",\"method\":\"owner.execute\",\"params\":{}}\n")
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n")
        #expect(try client.call(.status) == true)
    }

    @Test func anErrorCarriesCodeKindAndData() throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32031,\"message\":\"No.\",\"data\":{\"kind\":\"unknownVM\",\"vm\":\"x\"}}}\n"
        )
        do throws(ClientError) {
            _ = try client.call(.showVM, ["vm": "x"])
            Issue.record("the call has a result")
        } catch {
            #expect(
                error == .daemon(DaemonError(code: -32031, message: "No.", data: ["kind": "unknownVM", "vm": "x"])))
            #expect("\(error)" == "No.")
        }
        // The connection goes on.
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}\n")
        #expect(try client.call(.status) == 1)
    }

    @Test func anErrorAboutTheConnectionIsAboutTheCall() throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Too long.\"}}\n")
        #expect(problem(&client) == .daemon(DaemonError(code: -32700, message: "Too long.")))
    }

    @Test func anAnswerSentBeforeTheDaemonClosedIsHeard() throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32040,\"message\":\"Full.\"}}\n")
        peer.hangUp()
        #expect(problem(&client) == .daemon(DaemonError(code: -32040, message: "Full.")))
    }

    @Test(
        arguments: [
            "[]", "7", "{", "{\"id\":1,\"result\":1}}", "{\"id\":2,\"result\":1}", "{\"result\":1}", "{\"id\":1}",
            "{\"id\":1,\"error\":3}", "{\"id\":1,\"error\":{\"code\":\"x\",\"message\":\"m\"}}", "",
        ])
    func whatIsNoAnswerIsNamedSo(_ line: String) throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send(line + "\n")
        guard case .badAnswer(let why)? = problem(&client) else {
            Issue.record("\(line) was taken for an answer")
            return
        }
        #expect(!why.isEmpty)
    }

    @Test func aDaemonThatGoesAwayIsNamedSo() throws {
        let peer = try Peer()
        var client = peer.client()
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"resu")
        peer.hangUp()
        #expect(problem(&client) == .connection(ConnectionError(path: "/pair", .closed)))
    }

    @Test func aDaemonThatIsSilentIsGivenUp() throws {
        let peer = try Peer()
        var client = peer.client()
        client.timeout = .milliseconds(30)
        let start = ContinuousClock.now
        #expect(problem(&client) == .connection(ConnectionError(path: "/pair", .timedOut(.milliseconds(30)))))
        #expect(ContinuousClock.now - start >= .milliseconds(30))
        #expect(peer.received().hasSuffix("\n"))
    }

    private func problem(_ client: inout Client) -> ClientError? {
        do throws(ClientError) {
            _ = try client.call(.status)
            return nil
        } catch {
            return error
        }
    }
}
