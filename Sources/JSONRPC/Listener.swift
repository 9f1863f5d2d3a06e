// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Descriptors
import Glibc
import JSON
public import Reactor

/// How many clients a listener serves.
public struct ListenerLimits: Sendable {
    /// All together, those of other listeners with the same books as well. One in sixteen is left for root.
    public var connections = 1024

    /// The limits that are documented.
    public init() {}
}

/// Accepts connections on a listening socket and keeps the books of those that are open.
@ReactorActor
public final class Listener {
    /// How many connections are accepted before others get their turn.
    private static let acceptsPerTurn = 16

    /// How long to leave clients waiting when the kernel has no descriptor or no memory for another one.
    private static let pause = Duration.milliseconds(100)

    private let socket: OwnedDescriptor
    private let kind: Connection.Kind
    private let dispatcher: Dispatcher
    /// How many clients are served. Those that are there already stay.
    public var limits: ListenerLimits
    /// What each connection may ask; a change is for new ones.
    public var connectionLimits: ConnectionLimits
    private let observer: @ReactorActor (TransportEvent) -> Void

    private var registration: Registration?
    /// Holds a place in the table of open files, for the time when it is full.
    private var reserve: OwnedDescriptor?
    /// Whether no connection is accepted for a while.
    private var isResting = false
    private var open: [ObjectIdentifier: Connection] = [:]
    private let accounts: UserAccounts

    /// Takes over a listening stream socket, such as one from systemd.
    ///
    /// - Parameter accounts: the books of what each user has; listeners of one service share theirs.
    public init(
        owning descriptor: consuming OwnedDescriptor, kind: Connection.Kind, dispatcher: Dispatcher,
        limits: ListenerLimits = .init(), connectionLimits: ConnectionLimits = .init(),
        accounts: UserAccounts = UserAccounts(),
        observer: @escaping @ReactorActor (TransportEvent) -> Void = { _ in }
    ) {
        socket = descriptor
        self.kind = kind
        self.dispatcher = dispatcher
        self.limits = limits
        self.connectionLimits = connectionLimits
        self.accounts = accounts
        self.observer = observer
    }

    /// A listening socket at a path, with exactly these permissions; one that nobody listens on any more is replaced.
    public nonisolated static func bind(
        to path: String, mode: UInt32 = 0o660, backlog: Int = 512
    ) throws(SystemError) -> OwnedDescriptor {
        let result = unsafe clinux_unix_listen(path, mode, CInt(clamping: backlog))
        guard result >= 0 else { throw SystemError(errno: -result, operation: "bind to \(path)") }
        return OwnedDescriptor(owning: result)
    }

    /// The connections that are open.
    public var connections: [Connection] { Array(open.values) }

    /// Starts to accept connections.
    public func start() throws(SystemError) {
        try socket.withRaw { number throws(SystemError) in
            // systemd hands out blocking sockets, and a client that has changed its mind must not stop us.
            let flags = fcntl(number, F_GETFL)
            guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) >= 0 else {
                throw SystemError(errno: errno, operation: "fcntl(F_SETFL)")
            }
            reserve = try OwnedDescriptor(duplicating: number)
            registration = try Reactor.main.watch(number, for: .readable) { [weak self] _ in self?.accept() }
        }
    }

    /// Accepts no more connections; those that are open go on. Clients wait in the backlog, for a successor to accept.
    public func stop() {
        if let registration { Reactor.main.unwatch(registration) }
        registration = nil
    }

    /// Closes all connections at once.
    public func closeConnections() {
        for connection in connections { connection.close() }
    }

    // MARK: - Accepting

    private func accept() {
        for _ in 0..<Self.acceptsPerTurn where !isResting {
            let result = socket.withRaw { clinux_accept($0) }
            switch -result {
            case ..<1: admit(OwnedDescriptor(owning: result))
            case EAGAIN: return
            // The client went while it waited.
            case ECONNABORTED: continue
            case EMFILE, ENFILE: return turnAwayNext(for: SystemError(errno: -result, operation: "accept"))
            default: return rest(after: SystemError(errno: -result, operation: "accept"))
            }
        }
    }

    private func admit(_ descriptor: consuming OwnedDescriptor) {
        let peer: Peer
        do throws(SystemError) {
            peer = try descriptor.withRaw { number throws(SystemError) in
                try Peer(of: number, withPidfd: kind == .full)
            }
        } catch {
            // The last descriptor that could be had is the client's own.
            observer(.acceptFailed(error))
            turnAway(descriptor, cannotOpen(error), nil)
            return pauseAccepting()
        }
        if let refusal = refusal(of: peer) { return turnAway(descriptor, refusal, peer) }
        let connection = Connection(
            owning: descriptor, of: peer, kind: kind, dispatcher: dispatcher, limits: connectionLimits,
            observer: observer)
        do {
            try connection.start()
            keep(connection)
        } catch {
            rest(after: error)
        }
    }

    private func keep(_ connection: Connection) {
        let key = ObjectIdentifier(connection)
        let account = accounts.open(connection)
        open[key] = connection
        connection.account = account
        connection.onClose { [weak self, weak connection, accounts] in
            if let connection { accounts.close(connection, of: account) }
            self?.open[key] = nil
        }
    }

    // MARK: - Refusing

    private func refusal(of peer: Peer) -> RPCError? {
        let user = peer.userID
        let total = user == 0 ? limits.connections : limits.connections - limits.connections / 16
        if accounts.connections >= total {
            return .limitExceeded(
                "The daemon serves \(accounts.connections) connections already.", limit: "connections", value: total)
        }
        let perUser = accounts.limits.connections
        if user != 0, accounts.connections(of: user) >= perUser {
            return .limitExceeded(
                "The daemon serves \(perUser) connections of user \(user) already.", limit: "connectionsPerUser",
                value: perUser)
        }
        return nil
    }

    /// Tells a client that has just connected why it is not served.
    private func turnAway(_ descriptor: consuming OwnedDescriptor, _ error: RPCError, _ peer: Peer?) {
        var writer = JSONWriter()
        writer.answer(id: .null) { $0.member("error", error) }
        writer.endLine()
        var output = OutputQueue()
        output.append(writer.take())
        // A line fits the empty buffer of a new socket; if the client is gone, nobody misses it.
        descriptor.withRaw { try? output.flush(to: $0) }
        // Not by us: what the client has sent meanwhile is closed with it.
        SharedDescriptor(descriptor).close()
        observer(.refused(error, peer))
    }

    /// Out of descriptors: gives up the one kept for this, to tell the next client rather than let it wait in the dark.
    private func turnAwayNext(for error: SystemError) {
        observer(.acceptFailed(error))
        reserve = nil
        let result = socket.withRaw { clinux_accept($0) }
        if result >= 0 {
            turnAway(OwnedDescriptor(owning: result), cannotOpen(error), nil)
        }
        pauseAccepting()
    }

    private func cannotOpen(_ error: SystemError) -> RPCError {
        .limitExceeded(
            "The daemon cannot open more files: \(error.text) (\(error.name)).", limit: "openFiles", value: open.count)
    }

    /// Lets the clients wait: they stay in the backlog, and asking the kernel at once would only fail again.
    private func rest(after error: SystemError) {
        observer(.acceptFailed(error))
        pauseAccepting()
    }

    private func pauseAccepting() {
        guard let registration, !isResting else { return }
        isResting = true
        // What was registered can be changed; and if not, we try more often than needed, which is no harm.
        try? Reactor.main.change(registration, to: [])
        Reactor.main.schedule(after: Self.pause) { [weak self] in self?.resumeAccepting() }
    }

    /// Not before there is a reserve again: the first place that becomes free must not be a client's, or nobody could be told
    /// of the next time.
    private func resumeAccepting() {
        isResting = false
        guard let registration else { return }
        if reserve == nil { reserve = try? socket.withRaw(OwnedDescriptor.init(duplicating:)) }
        guard reserve != nil else { return pauseAccepting() }
        try? Reactor.main.change(registration, to: .readable)
    }
}
