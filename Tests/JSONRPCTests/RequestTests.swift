// SPDX-License-Identifier: Apache-2.0

import Descriptors
import JSON
import JSONRPC
import Reactor
import Testing

@Suite("Requests")
struct RequestTests {
    @Test(arguments: ["1", "-9223372036854775808", "\"a\\u0000b\"", "\"\"", "null"])
    func theIDComesBackAsItWas(id: String) async throws {
        let (_, client) = try await TestServer.connect()
        try client.send(#"{"jsonrpc":"2.0","id":\#(id),"method":"echo"}"# + "\n")
        let answer = String(decoding: try client.lineBytes(), as: UTF8.self)
        #expect(answer == #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
    }

    @Test(arguments: [
        (#"{"id":1,"method":"echo"}"#, "1"),
        (#"{"jsonrpc":"1.0","id":1,"method":"echo"}"#, "1"),
        (#"{"jsonrpc":"2.0","id":1}"#, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":7}"#, "1"),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"echo"}"#, "null"),
        (#"{"jsonrpc":"2.0","id":1e3,"method":"echo"}"#, "null"),
        (#"{"jsonrpc":"2.0","id":[1],"method":"echo"}"#, "null"),
        (#"{"jsonrpc":"2.0","id":1,"method":"echo","extra":0}"#, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"echo","result":0}"#, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"echo","params":"text"}"#, "1"),
        ("17", "null"), ("\"text\"", "null"), ("[]", "null"), ("{}", "null"),
    ])
    func whatIsNoRequestIsRefused(line: String, id: String) async throws {
        let (_, client) = try await TestServer.connect()
        try client.send(line + "\n")
        #expect(try client.errorCode(id: try JSONValue(parsing: id)) == -32600)
        try client.request("echo")
        #expect(try client.result() == [:])
    }

    @Test func parametersByPositionAreInvalid() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("echo", params: "[1]")
        #expect(try client.errorCode() == -32602)
    }

    @Test func anUnknownMethodIsAnsweredWithTheNearest() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("ecko")
        #expect(
            try client.error() == ["code": -32601, "message": "There is no method 'ecko'; did you mean 'echo'?"])
    }

    @Test func invalidParametersAreAnsweredWithTheirPath() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("shape", params: #"{"name":1}"#)
        #expect(
            try client.error() == ["code": -32602, "message": "params.name must be a string, not an integer"])
    }

    @Test func aFailureInsideTellsTheLogAndNotTheClient() async throws {
        let (server, client) = try await TestServer.connect()
        try client.request("fail")
        #expect(try client.error() == ["code": -32603, "message": "The request failed inside the daemon."])
        #expect(await server.events.contains("fail failed: Secret()"))
        #expect(await server.finished == ["fail -32603"])
    }

    @Test func aQuerySocketServesOnlyWhatChangesNothing() async throws {
        let (_, client) = try await TestServer.connect(kind: .query)
        try client.request("change")
        let error = try client.error()
        #expect(error["code"] == -32040)
        #expect(error["data"] == ["kind": "notPermitted"])
        try client.request("echo")
        #expect(try client.result() == [:])
    }

    @Test func notificationsAreServedAndNotAnswered() async throws {
        let (server, client) = try await TestServer.connect()
        try client.send(#"{"jsonrpc":"2.0","method":"note","params":{"text":"a"}}"# + "\n")
        try client.send(#"{"jsonrpc":"2.0","method":"nonsense"}"# + "\n")
        try client.send(#"{"jsonrpc":"2.0","method":"slowEcho"}"# + "\n")
        try client.request("echo", id: 9)
        #expect(try client.result(id: 9) == [:])
        #expect(await server.notified == ["a"])
    }

    @Test func answersComeInTheOrderInWhichTheWorkIsDone() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("slowEcho", id: 1, params: #"{"ms":30}"#)
        try client.request("slowEcho", id: 2, params: #"{"ms":5}"#)
        try client.request("echo", id: 3)
        #expect(try (1...3).map { _ in try client.line()["id"] } == [3, 2, 1])
    }

    @Test func moreUnansweredRequestsThanAllowedAreRefused() async throws {
        var limits = ConnectionLimits()
        limits.unansweredRequests = 2
        let (_, client) = try await TestServer.connect(limits: limits)
        for id in 1...3 { try client.request("slowEcho", id: id, params: #"{"ms":20}"#) }
        let error = try client.error(id: 3)
        #expect(error["code"] == -32060)
        #expect(error["data"] == ["kind": "limitExceeded", "limit": "unansweredRequests", "value": 2])
        for id in 1...2 { _ = try client.result(id: id) }
        try client.request("slowEcho", id: 4)
        #expect(try client.result(id: 4) == [:])
    }

    @Test func thousandsOfRequestsInOnePieceAreAllAnswered() async throws {
        let (_, client) = try await TestServer.connect()
        try client.send((1...3000).map { TestClient.line("echo", id: $0) }.joined())
        for id in 1...3000 { #expect(try client.result(id: id) == [:]) }
    }

    @Test func sixtyFourClientsAreServedAtTheSameTime() async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<64 {
                group.addTask {
                    let (_, client) = try await TestServer.connect()
                    for id in 1...20 {
                        try client.request("echo", id: id, params: #"{"client":\#(number)}"#)
                        #expect(try client.result(id: id) == ["client": .integer(Int64(number))])
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

@Suite("Batches")
struct BatchTests {
    private let echo = #"{"jsonrpc":"2.0","id":1,"method":"echo"}"#

    @Test func aBatchIsAnsweredInOneLineWhenAllIsDone() async throws {
        let (_, client) = try await TestServer.connect()
        let slow = #"{"jsonrpc":"2.0","id":2,"method":"slowEcho","params":{"ms":10}}"#
        let notification = #"{"jsonrpc":"2.0","method":"echo"}"#
        try client.send("[\(slow),\(echo),\(notification),7]\n")
        let answers = try #require(try client.line().arrayValue)
        #expect(Set(answers.map { "\($0["id"] ?? .null)" }) == ["1", "2", "null"])
        #expect(answers.count == 3)
    }

    @Test func aBatchOfNotificationsIsNotAnswered() async throws {
        let (server, client) = try await TestServer.connect()
        let note = #"{"jsonrpc":"2.0","method":"note","params":{"text":"n"}}"#
        try client.send("[\(note),\(note)]\n" + TestClient.line("echo"))
        #expect(try client.result() == [:])
        #expect(await server.notified == ["n", "n"])
    }

    @Test func aBatchBeyondTheLimitIsRefusedAsAWhole() async throws {
        var limits = ConnectionLimits()
        limits.batchMessages = 3
        let (_, client) = try await TestServer.connect(limits: limits)
        try client.send("[\(echo),\(echo),\(echo),\(echo)]\n")
        #expect(try client.errorCode(id: .null) == -32600)
        try client.send("[\(echo),\(echo),\(echo)]\n")
        #expect(try client.line().arrayValue?.count == 3)
    }

    @Test func requestsWithDescriptorsCannotStandInABatch() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        let names = #"{"jsonrpc":"2.0","id":2,"method":"names","params":{"fds":2}}"#
        try client.send("[\(echo),\(names)]\n", descriptors: files.descriptors)
        #expect(try client.errorCode(id: .null) == -32600)
        try client.request("names", params: #"{"fds":1}"#, descriptors: [files.descriptors[1]])
        #expect(try client.result() == [.string("\(files.prefix)-1")])
        try await files.expectNothingLeaked()
    }
}
