// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSON
import JSONRPC
import Testing

@Suite("Calling the client")
struct CallTests {
    @Test func theAnswerReachesTheCaller() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("callBack")
        let call = try client.line()
        #expect(call == ["jsonrpc": "2.0", "id": "job-1", "method": "owner.execute", "params": ["steps": 3]])
        try client.send(#"{"jsonrpc":"2.0","id":"job-1","result":{"executed":3}}"# + "\n")
        #expect(try client.result() == ["answer": ["executed": 3]])
    }

    @Test(arguments: [1, 253, 254, 300, 600])
    func descriptorsGoBackInOrderHoweverMany(count: Int) async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(count)
        let line = Array(TestClient.line("callBack", params: #"{"fds":\#(count)}"#).utf8)
        for start in stride(from: 0, to: count, by: 253) {
            let piece = Array(files.descriptors[start..<min(start + 253, count)])
            let isLast = start + 253 >= count
            try client.send(isLast ? line[(start / 253)...] : line[start / 253...start / 253], descriptors: piece)
        }
        let call = try client.line()
        #expect(call["params"] == ["fds": .integer(Int64(count)), "steps": 3])
        let returned = client.takeDescriptors()
        #expect(returned.map(MemoryFiles.name) == (0..<count).map { "\(files.prefix)-\($0)" })
        for descriptor in returned { close(descriptor) }
        try client.send(#"{"jsonrpc":"2.0","id":"job-1","result":1}"# + "\n")
        #expect(try client.result() == ["answer": 1])
        try await files.expectNothingLeaked()
    }

    @Test func severalCallsAreToldApart() async throws {
        let (_, client) = try await TestServer.connect()
        for id in 1...3 { try client.request("callBack", id: id) }
        let calls = try (1...3).map { _ in try client.line()["id"]?.stringValue }
        #expect(calls == ["job-1", "job-2", "job-3"])
        for call in [2, 3, 1] {
            try client.send(#"{"jsonrpc":"2.0","id":"job-\#(call)","result":\#(call * 10)}"# + "\n")
            #expect(try client.result(id: call) == ["answer": .integer(Int64(call * 10))])
        }
    }

    @Test func theAnswersOfABatchReachTheirCallers() async throws {
        let (_, client) = try await TestServer.connect()
        for id in 1...2 { try client.request("callBack", id: id) }
        for _ in 1...2 { _ = try client.line() }
        try client.send(
            #"[{"jsonrpc":"2.0","id":"job-1","result":1},{"jsonrpc":"2.0","id":"job-2","result":2}]"# + "\n")
        #expect(try client.result(id: 1) == ["answer": 1])
        #expect(try client.result(id: 2) == ["answer": 2])
    }

    @Test func anErrorOfTheClientReachesTheCaller() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("callBack")
        _ = try client.line()
        try client.send(#"{"jsonrpc":"2.0","id":"job-1","error":{"code":-32090,"message":"I will not."}}"# + "\n")
        #expect(try client.result() == ["failed": "the client answered with error -32090: I will not."])
    }

    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":"job-1"}"#,
        #"{"jsonrpc":"2.0","id":"job-1","result":1,"error":{"code":1,"message":"x"}}"#,
        #"{"jsonrpc":"2.0","id":"job-1","error":"x"}"#,
        #"{"jsonrpc":"2.0","id":"job-1","error":{"code":"x"}}"#,
        #"{"jsonrpc":"2.0","id":"job-1","result":1,"params":{}}"#,
        #"{"id":"job-1","result":1}"#,
    ])
    func anAnswerThatIsNoneFailsTheCallAtOnce(answer: String) async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("callBack")
        _ = try client.line()
        try client.send(answer + "\n")
        let failure = try client.result()["failed"]?.stringValue ?? ""
        #expect(failure.hasPrefix("the answer makes no sense: "), "\(failure)")
        try client.request("echo")
        #expect(try client.result() == [:])
    }

    @Test func withoutAnAnswerTheCallFailsInTimeAndALateOneIsDropped() async throws {
        let (server, client) = try await TestServer.connect()
        try client.request("callBack", params: #"{"timeout":20}"#)
        _ = try client.line()
        #expect(try client.result() == ["failed": "the answer did not come within 0.02 seconds"])
        try client.send(#"{"jsonrpc":"2.0","id":"job-1","result":1}"# + "\n")
        try client.send(#"{"jsonrpc":"2.0","id":7,"result":1}"# + "\n")
        try client.request("echo")
        #expect(try client.result() == [:])
        #expect(await server.events == ["opened", "stray job-1", "stray 7"])
    }

    @Test func aClientThatDiesFailsTheCall() async throws {
        let (server, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        try client.request("callBack", params: #"{"fds":2}"#, descriptors: files.descriptors)
        _ = try client.line()
        _ = consume client
        try await server.waitForEvent("closed by the client")
        try await files.expectNothingLeaked()
        #expect(await server.finished == ["callBack ok"])
    }

    @Test func aClientThatSendsNoMoreCannotBeCalled() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("callBack")
        client.endSending()
        _ = try client.line()
        #expect(try client.result() == ["failed": "the connection ended before the answer came"])
        try client.expectEnd()
    }

    @Test func aCallGoesOutBetweenAnswers() async throws {
        let (_, client) = try await TestServer.connect()
        try client.send(
            TestClient.line("big", id: 1, params: #"{"bytes":200000}"#) + TestClient.line("callBack", id: 2)
                + TestClient.line("big", id: 3, params: #"{"bytes":200000}"#))
        let lines = try (1...3).map { _ in try client.line() }
        #expect(lines.map { $0["id"] } == [1, 3, "job-1"])
    }

    @Test func notificationsReachTheClient() async throws {
        let (server, client) = try await TestServer.connect()
        #expect(await server.connections[0].notify("vm.changed") { $0.member("vm", "web-1") })
        #expect(try client.line() == ["jsonrpc": "2.0", "method": "vm.changed", "params": ["vm": "web-1"]])
        await server.connections[0].close()
        #expect(await !server.connections[0].notify("vm.changed"))
        try client.expectEnd()
    }
}
