// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import JSON
import JSONRPC
import Reactor
import Synchronization
import Testing

@Suite("Listening")
struct ListenerTests {
    private static let serial = Atomic<Int>(0)

    /// A path in a place of its own, for the time of a test.
    private func withPath(_ body: (String) async throws -> Void) async throws {
        let path = "/tmp/jsonrpc-tests-\(getpid())-\(Self.serial.add(1, ordering: .relaxed).newValue).sock"
        defer { unsafe unlink(path) }
        try await body(path)
    }

    private func connect(to path: String) throws -> TestClient {
        let socket = unsafe clinux_unix_connect(path)
        try #require(socket >= 0)
        return TestClient(owning: socket)
    }

    @ReactorActor
    private func listen(
        at path: String, server: TestServer, limits: ListenerLimits = .init(), userLimits: UserLimits = .init(),
        kind: Connection.Kind = .full
    ) throws -> Listener {
        let listener = Listener(
            owning: try Listener.bind(to: path, mode: 0o600), kind: kind, dispatcher: server.makeDispatcher(),
            limits: limits, accounts: UserAccounts(limits: userLimits), observer: { [weak server] in server?.note($0) })
        try listener.start()
        return listener
    }

    private func start(
        at path: String, limits: ListenerLimits = .init(), userLimits: UserLimits = .init()
    ) async throws -> (TestServer, Listener) {
        Reactor.startThread()
        let server = await TestServer()
        return (server, try await listen(at: path, server: server, limits: limits, userLimits: userLimits))
    }

    @Test func clientsConnectAndAreServed() async throws {
        try await withPath { path in
            let (server, listener) = try await start(at: path)
            let clients = try (0..<10).map { _ in try connect(to: path) }
            for client in clients {
                try client.request("echo")
                #expect(try client.result() == [:])
            }
            let peers = await listener.connections.map(\.peer)
            #expect(peers.count == 10)
            #expect(peers.allSatisfy { $0.processID == getpid() && $0.userID == getuid() && $0.groupID == getgid() })
            #expect(peers.allSatisfy { $0.pidfd != nil })
            await listener.closeConnections()
            for client in clients { try client.expectEnd() }
            #expect(await listener.connections.isEmpty)
            #expect(await server.events.filter { $0 == "closed by the daemon" }.count == 10)
        }
    }

    @Test func aConnectionThatHasEndedIsFreed() async throws {
        try await withPath { path in
            let (server, listener) = try await start(at: path)
            let client = try connect(to: path)
            try client.request("callBack", params: #"{"timeout":60000}"#)
            _ = try client.line()
            weak let connection = await listener.connections.first
            #expect(connection != nil)
            _ = consume client
            try await server.waitForEvent("closed by the client")
            // The task of the request, which fails with the connection, is the last to let go.
            while await server.finished.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            try await Task.sleep(for: .milliseconds(5))
            #expect(connection == nil)
        }
    }

    @Test func aStoppedListenerLeavesItsConnectionsAlone() async throws {
        try await withPath { path in
            let (_, listener) = try await start(at: path)
            let client = try connect(to: path)
            try client.request("echo")
            #expect(try client.result() == [:])
            await listener.stop()
            try client.request("echo")
            #expect(try client.result() == [:])
        }
    }

    @Test func aClientBeyondTheLimitIsToldSo() async throws {
        try await withPath { path in
            var limits = ListenerLimits()
            limits.connections = 2
            let (server, listener) = try await start(at: path, limits: limits)
            let first = try connect(to: path)
            let second = try connect(to: path)
            let third = try connect(to: path)
            #expect(
                try third.error(id: .null)["data"] == ["kind": "limitExceeded", "limit": "connections", "value": 2])
            try third.expectEnd()
            _ = consume first
            try await server.waitForEvent("closed by the client")
            let fourth = try connect(to: path)
            for client in [second, fourth] {
                try client.request("echo")
                #expect(try client.result() == [:])
            }
            #expect(await listener.connections.count == 2)
        }
    }

    /// In a process of its own, which becomes another user: root is not bounded.
    @Test func oneUserCannotTakeAllConnections() async {
        await #expect(processExitsWith: .success) {
            try await ListenerTests().exhaustConnectionsOfAUser()
            // A process that has changed its user cannot be inspected, and leak checkers take offence at exit.
            _exit(0)
        }
    }

    private func exhaustConnectionsOfAUser() async throws {
        try await withPath { path in
            var limits = UserLimits()
            limits.connections = 1
            let (server, listener) = try await start(at: path, userLimits: limits)
            try #require(unsafe chmod(path, 0o666) == 0)
            let (superuser, second) = (try connect(to: path), try connect(to: path))
            let isRoot = getuid() == 0
            if isRoot { try #require(seteuid(65534) == 0) }
            let first = isRoot ? try connect(to: path) : superuser
            let refused = isRoot ? try connect(to: path) : second
            #expect(try refused.error(id: .null)["data"]?["limit"] == "connectionsPerUser")
            try first.request("echo")
            #expect(try first.result() == [:])
            _ = consume first
            if isRoot {
                try await server.waitForEvent("closed by the client")
                let third = try connect(to: path)
                try third.request("echo")
                #expect(try third.result() == [:])
                #expect(await listener.connections.count == 3)
            }
        }
    }

    @Test func theSocketHasExactlyThePermissionsAskedFor() throws {
        for mode: UInt32 in [0o600, 0o660, 0o666] {
            let path = "/tmp/jsonrpc-tests-\(getpid())-mode-\(mode).sock"
            defer { unsafe unlink(path) }
            let socket = try Listener.bind(to: path, mode: mode)
            var status = stat()
            #expect(unsafe stat(path, &status) == 0)
            #expect(status.st_mode & 0o7777 == mode)
            _ = consume socket
        }
    }

    /// In a process of its own: tests that start processes share every open file with them for a moment, and a socket
    /// that anybody has open is in use.
    @Test func aSocketThatIsInUseOrNoSocketAtAllIsLeftAlone() async {
        await #expect(processExitsWith: .success) {
            try await ListenerTests().bindAgainAndAgain()
        }
    }

    private func bindAgainAndAgain() async throws {
        try await withPath { path in
            let first = try Listener.bind(to: path)
            #expect(throws: SystemError(errno: EADDRINUSE, operation: "bind to \(path)")) {
                _ = try Listener.bind(to: path)
            }
            // The owner is gone, the file is not.
            _ = consume first
            let second = try Listener.bind(to: path)
            _ = consume second
            unsafe unlink(path)
            let file = unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
            close(file)
            #expect(throws: SystemError(errno: EADDRINUSE, operation: "bind to \(path)")) {
                _ = try Listener.bind(to: path)
            }
        }
    }

    @Test func aPathThatIsTooLongIsAnError() {
        let path = "/tmp/" + String(repeating: "x", count: 200)
        #expect(throws: SystemError(errno: ENAMETOOLONG, operation: "bind to \(path)")) {
            _ = try Listener.bind(to: path)
        }
    }

    /// In a process of its own, which runs out of descriptors.
    @Test func withoutDescriptorsClientsAreToldAndLaterServedAgain() async {
        await #expect(processExitsWith: .success) {
            try await ListenerTests().exhaustDescriptors()
        }
    }

    private func exhaustDescriptors() async throws {
        try await withPath { path in
            let (server, listener) = try await start(at: path)
            let clients = (0..<3).map { _ in socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) }
            var filling: [CInt] = []
            var limit = rlimit(rlim_cur: 200, rlim_max: 200)
            try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            while true {
                let file = dup(clients[0])
                guard file >= 0 else { break }
                filling.append(file)
            }
            let refused = TestClient(owning: clients[0])
            try connect(clients[0], to: path)
            let error = try refused.error(id: .null)
            #expect(error["data"]?["limit"] == "openFiles")
            for file in filling { close(file) }
            try connect(clients[1], to: path)
            let served = TestClient(owning: clients[1])
            try served.request("echo")
            #expect(try served.result() == [:])
            #expect(await server.events.first == "accept failed: Too many open files (EMFILE)")
            #expect(await listener.connections.count == 1)
        }
    }

    private func connect(_ socket: CInt, to path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe Glibc.connect(socket, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }
}
