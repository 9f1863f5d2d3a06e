// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPUModelAPI
import Glibc
import Testing

@testable import CPUModelClient

@Suite struct ConnectingTests {
    @Test func queriesGoToTheSocketForQueriesFirst() {
        #expect(
            SocketPath.candidates(isQuery: true) { _ in nil }
                == ["/run/cpumodeld/cpumodeld-query.sock", "/run/cpumodeld/cpumodeld.sock"])
    }

    @Test func whatChangesSomethingGoesToTheSocketForEverything() {
        #expect(SocketPath.candidates(isQuery: false) { _ in nil } == ["/run/cpumodeld/cpumodeld.sock"])
        #expect(!Method.forgetVM.isQuery)
    }

    @Test func theEnvironmentReplacesTheUsualSockets() {
        let environment = ["CPUMODELD_QUERY_SOCKET": "/q", "CPUMODELD_SOCKET": "/e"]
        #expect(SocketPath.candidates(isQuery: true) { environment[$0] } == ["/q", "/e"])
        #expect(SocketPath.candidates(isQuery: false) { environment[$0] } == ["/e"])
        #expect(SocketPath.candidates(isQuery: true) { ["CPUMODELD_SOCKET": "/e"][$0] } == ["/e"])
        #expect(
            SocketPath.candidates(isQuery: false) { ["CPUMODELD_QUERY_SOCKET": "/q"][$0] } == [SocketPath.everything])
        #expect(SocketPath.candidates(isQuery: false) { _ in "" } == [SocketPath.everything])
    }

    @Test func aSocketThatIsNotThere() {
        #expect(problem("/nonexistent/s") == ConnectionError(path: "/nonexistent/s", .notConnected(errno: ENOENT)))
        #expect(
            "\(ConnectionError(path: "/s", .notConnected(errno: ENOENT)))".contains(
                "is cpumodeld installed and running"))
    }

    @Test func aSocketThatNobodyListensOn() throws {
        let path = "/tmp/cpumodel-client-test.\(getpid())"
        let listener = unsafe clinux_unix_listen(path, 0o600, 1)
        try #require(listener >= 0)
        close(listener)
        defer { unsafe unlink(path) }
        #expect(problem(path) == ConnectionError(path: path, .notConnected(errno: ECONNREFUSED)))
    }

    @Test(
        arguments: [
            .notConnected(errno: ENOENT), .notConnected(errno: ECONNREFUSED), .notConnected(errno: EACCES),
            .notConnected(errno: EMFILE), .closed, .timedOut(.seconds(3)), .broken(errno: EIO), .broken(errno: 9999),
        ] as [ConnectionError.Reason])
    func everyReasonIsOneSentence(_ reason: ConnectionError.Reason) {
        let sentence = "\(ConnectionError(path: "/s", reason))"
        #expect(!sentence.contains("\n") && sentence.count > 20)
    }

    private func problem(_ path: String) -> ConnectionError? {
        do throws(ClientError) {
            _ = try Client(path: path)
            return nil
        } catch {
            if case .connection(let error) = error { return error }
            return nil
        }
    }
}
