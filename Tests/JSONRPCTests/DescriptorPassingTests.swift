// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import JSON
import JSONRPC
import Reactor
import Testing

@Suite("Descriptors that clients send")
struct DescriptorPassingTests {
    private func names(_ files: MemoryFiles, _ range: Range<Int>) -> JSONValue {
        .array(range.map { .string("\(files.prefix)-\($0)") })
    }

    private func expectCountFault(
        _ client: TestClient, id: JSONValue = .null, declared: Int? = nil, received: Int
    ) throws {
        let error = try client.error(id: id)
        var data: JSONObject = ["kind": "descriptorCount"]
        if let declared { data.set(.integer(Int64(declared)), for: "declared") }
        data.set(.integer(Int64(received)), for: "received")
        #expect(error["code"] == -32021)
        #expect(error["data"] == .object(data))
        try client.expectEnd()
    }

    @Test func aRequestGetsItsDescriptorsInOrder() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(5)
        try client.request("names", params: #"{"fds":5}"#, descriptors: files.descriptors)
        #expect(try client.result() == names(files, 0..<5))
        try await files.expectNothingLeaked()
    }

    /// The kernel glues bytes without descriptors in front of bytes with some, so what arrives first may be for the
    /// second of two lines.
    @Test func pipelinedRequestsGetTheirOwn() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(4)
        // The server is kept busy, so that all is there before it reads the first of it.
        Task { @ReactorActor in usleep(20_000) }
        try client.request("echo", id: 1)
        try client.request("names", id: 2, params: #"{"fds":1}"#, descriptors: [files.descriptors[0]])
        try client.request("echo", id: 3)
        try client.request("names", id: 4, params: #"{"fds":1}"#, descriptors: [files.descriptors[1]])
        try client.request("names", id: 5, params: #"{"fds":2}"#, descriptors: Array(files.descriptors[2...3]))
        #expect(try client.result(id: 1) == [:])
        #expect(try client.result(id: 2) == names(files, 0..<1))
        #expect(try client.result(id: 3) == [:])
        #expect(try client.result(id: 4) == names(files, 1..<2))
        #expect(try client.result(id: 5) == names(files, 2..<4))
        try await files.expectNothingLeaked()
    }

    @Test(arguments: [0, 1, 20, 62])
    func descriptorsMayComeWithAnyByteOfTheLine(position: Int) async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        let line = Array(TestClient.line("names", params: #"{"fds":2}"#).utf8)
        let start = min(position, line.count - 1)
        if start > 0 { try client.send(line[..<start]) }
        try client.send(line[start...], descriptors: files.descriptors)
        #expect(try client.result() == names(files, 0..<2))
        try await files.expectNothingLeaked()
    }

    @Test func threeHundredComeInSeveralPiecesOfOneLine() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(300)
        let line = Array(TestClient.line("names", params: #"{"fds":300}"#).utf8)
        try client.send(line[..<1], descriptors: Array(files.descriptors[..<253]))
        try client.send(line[1..<30])
        try client.send(line[30...], descriptors: Array(files.descriptors[253...]))
        #expect(try client.result() == names(files, 0..<300))
        try await files.expectNothingLeaked()
    }

    /// It is refused for its size, and must not leave its descriptors to the next request.
    @Test func aBatchOfTooManyMessagesTakesItsDescriptorsAlong() async throws {
        var limits = ConnectionLimits()
        limits.batchMessages = 1
        let (_, client) = try await TestServer.connect(limits: limits)
        let files = MemoryFiles(2)
        let request = TestClient.line("names", params: #"{"fds":1}"#)
        try client.send("[\(request.dropLast()),{}]\n", descriptors: [files.descriptors[0]])
        #expect(try client.errorCode(id: .null) == -32600)
        try client.send(request, descriptors: [files.descriptors[1]])
        #expect(try client.result() == names(files, 1..<2))
        try await files.expectNothingLeaked()
    }

    /// Two lines in one message: the descriptors of the second arrive with the first byte of the first, and the buffer
    /// ends between them.
    @Test func descriptorsThatArriveEarlyWaitForTheirLine() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(1)
        let bare = TestClient.line("echo", params: #"{"a":""}"#).utf8.count
        let first = TestClient.line("echo", params: #"{"a":"\#(String(repeating: "x", count: 4096 - bare))"}"#)
        #expect(first.utf8.count == 4096)
        let second = TestClient.line("names", id: 2, params: #"{"fds":1}"#)
        try client.send(first + second, descriptors: files.descriptors)
        _ = try client.result()
        #expect(try client.result(id: 2) == names(files, 0..<1))
    }

    // MARK: - Faults

    @Test func fewerThanDeclaredEndTheConnection() async throws {
        let (server, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        try client.request("names", params: #"{"fds":3}"#, descriptors: files.descriptors)
        try expectCountFault(client, id: 1, declared: 3, received: 2)
        try await files.expectNothingLeaked()
        #expect(await server.events.contains("fault -32021"))
    }

    @Test func descriptorsThatComeTooLateEndTheConnection() async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("names", params: #"{"fds":1}"#)
        try expectCountFault(client, id: 1, declared: 1, received: 0)
    }

    @Test func moreThanDeclaredEndTheConnection() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(3)
        try client.request("names", params: #"{"fds":2}"#, descriptors: files.descriptors)
        #expect(try client.result() == names(files, 0..<2))
        try expectCountFault(client, declared: 0, received: 1)
        try await files.expectNothingLeaked()
    }

    @Test func moreThanDeclaredAreNoticedAtTheEndOfTheirLine() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        let line = Array(TestClient.line("names", params: #"{"fds":1}"#).utf8)
        try client.send(line[..<20], descriptors: files.descriptors)
        // So that the server has seen the first half by itself.
        try await Reactor.main.sleep(for: .milliseconds(20))
        try client.send(line[20...])
        #expect(try client.result() == names(files, 0..<1))
        try expectCountFault(client, declared: 0, received: 1)
        try await files.expectNothingLeaked()
    }

    @Test func descriptorsThatNobodyDeclaredEndTheConnection() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(1)
        try client.request("echo", descriptors: files.descriptors)
        #expect(try client.result() == [:])
        try expectCountFault(client, declared: 0, received: 1)
        try await files.expectNothingLeaked()
    }

    @Test func descriptorsBehindTheLastLineAreNotForgottenAtTheEnd() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(1)
        try client.send("\n", descriptors: files.descriptors)
        client.endSending()
        try expectCountFault(client, declared: 0, received: 1)
        try await files.expectNothingLeaked()
    }

    @Test func aMethodThatTakesNoneClosesThemAndTheConnectionGoesOn() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        try client.request("echo", params: #"{"fds":2}"#, descriptors: files.descriptors)
        #expect(try client.errorCode() == -32602)
        try client.request("nonsense", params: #"{"fds":1}"#, descriptors: [files.descriptors[0]])
        #expect(try client.errorCode() == -32601)
        try client.send(#"{"jsonrpc":"1.0","id":1,"params":{"fds":1}}"# + "\n", descriptors: [files.descriptors[0]])
        #expect(try client.errorCode() == -32600)
        try client.request("names", params: #"{"fds":1}"#, descriptors: [files.descriptors[1]])
        #expect(try client.result() == names(files, 1..<2))
        try await files.expectNothingLeaked()
    }

    @Test func aNotificationTakesItsDescriptors() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(2)
        try client.send(
            #"{"jsonrpc":"2.0","method":"names","params":{"fds":1}}"# + "\n", descriptors: [files.descriptors[0]])
        try client.request("names", params: #"{"fds":1}"#, descriptors: [files.descriptors[1]])
        #expect(try client.result() == names(files, 1..<2))
        try await files.expectNothingLeaked()
    }

    @Test(arguments: ["-1", "1.5", "\"1\"", "null", "9223372036854775807"])
    func aDeclarationThatIsNoCountIsRefused(fds: String) async throws {
        let (_, client) = try await TestServer.connect()
        try client.request("names", params: #"{"fds":\#(fds)}"#)
        let code = try client.errorCode()
        // A count, though an absurd one, is a matter of descriptors.
        #expect(code == (fds.count > 10 ? -32021 : -32602))
    }

    @Test func withDescriptorsADeclarationThatIsNoCountEndsTheConnection() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(1)
        try client.request("names", params: #"{"fds":"1"}"#, descriptors: files.descriptors)
        try expectCountFault(client, id: 1, declared: 0, received: 1)
        try await files.expectNothingLeaked()
    }

    @Test func aLineThatCannotBeReadEndsTheConnectionWhenDescriptorsCameWithIt() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(1)
        try client.send("nonsense\n" + TestClient.line("names", params: #"{"fds":1}"#), descriptors: files.descriptors)
        #expect(try client.errorCode(id: .null) == -32700)
        try client.expectEnd()
        try await files.expectNothingLeaked()
    }

    @Test func aQuerySocketRefusesThemAll() async throws {
        let (_, client) = try await TestServer.connect(kind: .query)
        let files = MemoryFiles(1)
        try client.request("echo", params: #"{"fds":1}"#, descriptors: files.descriptors)
        try expectCountFault(client, declared: 0, received: 1)
        try await files.expectNothingLeaked()
    }

    @Test func aHeapOfThemWithoutALineIsRefused() async throws {
        var limits = ConnectionLimits()
        limits.queuedDescriptors = 10
        let (_, client) = try await TestServer.connect(limits: limits)
        let files = MemoryFiles(11)
        try client.send("{", descriptors: files.descriptors)
        #expect(
            try client.error(id: .null)["data"] == ["kind": "limitExceeded", "limit": "queuedDescriptors", "value": 10])
        try client.expectEnd()
        try await files.expectNothingLeaked()
    }

    @Test func theirLineMustEndInTime() async throws {
        var limits = ConnectionLimits()
        limits.descriptorWait = .milliseconds(20)
        let (_, client) = try await TestServer.connect(limits: limits)
        let files = MemoryFiles(2)
        try client.send("{", descriptors: files.descriptors)
        try expectCountFault(client, received: 2)
        try await files.expectNothingLeaked()
    }

    @Test func aClientThatVanishesInsideALineLeavesNoneBehind() async throws {
        let (server, client) = try await TestServer.connect()
        let files = MemoryFiles(3)
        try client.send("{\"jsonrpc\"", descriptors: files.descriptors)
        _ = consume client
        try await server.waitForEvent("closed by the client")
        try await files.expectNothingLeaked()
    }

    @Test func thoseOfARequestAreClosedAfterItsAnswer() async throws {
        let (_, client) = try await TestServer.connect()
        let files = MemoryFiles(1)
        for id in 1...300 {
            try client.request("names", id: id, params: #"{"fds":1}"#, descriptors: files.descriptors)
            #expect(try client.result(id: id) == names(files, 0..<1))
        }
        try await files.expectNothingLeaked()
    }

    /// In a process of its own, which may not open many files.
    @Test func descriptorsThatTheKernelDropsEndTheConnection() async {
        await #expect(processExitsWith: .success) {
            let (server, client) = try await TestServer.connect()
            let files = MemoryFiles(20)
            let highest = try #require(files.descriptors.max())
            // Room for a few of them, and for looking at /proc.
            var limit = rlimit(rlim_cur: rlim_t(highest + 6), rlim_max: rlim_t(highest + 6))
            try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            try client.request("names", params: #"{"fds":20}"#, descriptors: files.descriptors)
            let error = try client.error(id: .null)
            #expect(error["code"] == -32021)
            #expect(error["message"]?.stringValue?.contains("dropped") ?? false)
            try client.expectEnd()
            try await files.expectNothingLeaked()
            #expect(await server.events.contains("fault -32021"))
        }
    }
}
