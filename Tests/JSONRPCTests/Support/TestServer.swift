// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import JSON
import JSONRPC
import Reactor
import Testing

/// A server with methods that tests need, and what its log would say.
@ReactorActor
final class TestServer {
    private(set) var events: [String] = []
    private(set) var finished: [String] = []
    private(set) var notified: [String] = []
    private(set) var connections: [Connection] = []
    private var dispatcher: Dispatcher?

    init() {}

    /// A server and a client that is connected to it.
    nonisolated static func connect(
        kind: Connection.Kind = .full, limits: ConnectionLimits = .init()
    ) async throws -> (TestServer, TestClient) {
        Reactor.startThread()
        let server = await TestServer()
        return (server, TestClient(owning: try await server.connect(kind: kind, limits: limits)))
    }

    func connect(kind: Connection.Kind, limits: ConnectionLimits) throws -> CInt {
        var (here, there): (CInt, CInt) = (-1, -1)
        let result = unsafe clinux_unix_pair(&here, &there)
        try #require(result == 0)
        let connection = try Connection(
            owning: OwnedDescriptor(owning: here), kind: kind, dispatcher: makeDispatcher(), limits: limits,
            observer: { [weak self] in self?.note($0) })
        connections.append(connection)
        try connection.start()
        return there
    }

    func note(_ event: TransportEvent) {
        let text =
            switch event {
            case .opened: "opened"
            case .closed(_, let reason): "\(reason)"
            case .fault(_, let error): "fault \(error.code)"
            case .strayResponse(_, let id): "stray \(id)"
            case .handlerFailed(_, let method, let error): "\(method) failed: \(error)"
            case .refused(let error, _): "refused \(error.code)"
            case .acceptFailed(let error): "\(error)"
            }
        events.append(text)
    }

    /// Waits until an event was noted.
    func waitForEvent(_ event: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !events.contains(event), .now < deadline { try await Reactor.main.sleep(for: .milliseconds(2)) }
        #expect(events.contains(event), "\(events)")
    }

    /// Waits until the one connection has ended and all its requests with it.
    func waitForClose() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        let connection = try #require(connections.first)
        while !isClosed || connection.unansweredRequests > 0, .now < deadline {
            try await Reactor.main.sleep(for: .milliseconds(1))
        }
        #expect(isClosed && connection.unansweredRequests == 0, "\(events)")
    }

    private var isClosed: Bool {
        connections.count == 1 && events.contains { $0.hasPrefix("closed") || $0.hasPrefix("dropped") }
    }

    func makeDispatcher() -> Dispatcher {
        if let dispatcher { return dispatcher }
        let dispatcher = Dispatcher(
            Self.methods + [
                ServedMethod(
                    "note", isQuery: true,
                    handler: .immediate { [weak self] request in
                        self?.notified.append(request.params["text"]?.stringValue ?? "")
                        return .value(JSONValue.null)
                    })
            ])
        dispatcher.suggestion = { $0 == "ecko" ? "echo" : nil }
        dispatcher.onFinish = { [weak self] in
            self?.finished.append("\($0.method) \($0.errorCode.map(String.init) ?? "ok")")
        }
        self.dispatcher = dispatcher
        return dispatcher
    }

    private struct Secret: Error {}

    private static let methods: [ServedMethod] = [
        ServedMethod("echo", isQuery: true, handler: .immediate { .value($0.params) }),
        ServedMethod(
            "slowEcho", isQuery: true,
            handler: .asynchronous { request in
                try await Reactor.main.sleep(for: .milliseconds(Int(request.params["ms"]?.intValue ?? 0)))
                return .value(request.params)
            }),
        ServedMethod("change", isQuery: false, handler: .immediate { _ in .encoded(Array("true".utf8)) }),
        ServedMethod(
            "big", isQuery: true,
            handler: .immediate { request in
                let count = Int(request.params["bytes"]?.intValue ?? 0)
                return .value(String(repeating: "x", count: count))
            }),
        ServedMethod("fail", isQuery: true, handler: .immediate { _ in throw Secret() }),
        ServedMethod(
            "shape", isQuery: true,
            handler: .immediate { request in
                var reader = ObjectReader(request.params, path: "params")
                return .value(try reader.string("name"))
            }),
        ServedMethod(
            "names", isQuery: false, takesDescriptors: true,
            handler: .immediate { request in
                .value(JSONValue.array(request.descriptors.map { .string(MemoryFiles.name(of: $0.number) ?? "?") }))
            }),
        ServedMethod(
            "callBack", isQuery: false, takesDescriptors: true,
            handler: .asynchronous { request in
                let timeout = Duration.milliseconds(Int(request.params["timeout"]?.intValue ?? 5000))
                do {
                    let result = try await request.connection.call(
                        "owner.execute", descriptors: request.descriptors, timeout: timeout
                    ) { $0.member("steps", 3) }
                    return .value(JSONValue.object(["answer": result]))
                } catch {
                    return .value(JSONValue.object(["failed": .string("\(error)")]))
                }
            }),
    ]
}
