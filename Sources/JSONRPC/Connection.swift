// SPDX-License-Identifier: Apache-2.0

public import Descriptors
import Glibc
import JSON
public import Reactor

/// One client: its socket, what was received from it and what is to be sent to it.
///
/// The parts are in files of their own: receiving (`Connection+Input`), serving requests (`Connection+Requests`),
/// calling the client (`Connection+Calls`), sending (`Connection+Output`). The article Protocol has the rules.
@ReactorActor
public final class Connection {
    /// What a socket is for.
    public enum Kind: Sendable {
        /// Every method, with descriptors.
        case full
        /// Methods that change nothing; never any descriptor.
        case query
    }

    enum Phase {
        /// Requests are served.
        case open
        /// The client broke the rules. The error is being sent; what comes in is thrown away, for closing a socket with
        /// unread bytes would break the pipe before the client has read why.
        case lingering
        case closed
    }

    /// What the socket is for.
    public nonisolated let kind: Kind

    /// Who is at the other end.
    public nonisolated let peer: Peer

    /// What whoever serves the connection wants to keep with it.
    public var context: AnyObject?

    /// Where what it has is entered; nil where nobody keeps books.
    var account: UserAccount?
    /// What is entered there.
    var taken = Taken()

    let limits: ConnectionLimits
    let dispatcher: Dispatcher
    let observer: @ReactorActor (TransportEvent) -> Void

    /// May hold descriptors of the client's that were never received, so it is closed like those.
    let socket: SharedDescriptor
    private var registration: Registration?
    private var interest: EventMask = []

    var phase = Phase.open
    /// The client sends no more. It may still be waiting for answers.
    var isInputEnded = false
    /// The client does not read its answers fast enough, so nothing more is read from it.
    var isPaused = false

    var input: LineFramer
    var descriptors = DescriptorQueue()
    var descriptorTimer: TimerToken?
    var output = OutputQueue()

    /// Asynchronous requests that are not answered yet.
    public internal(set) var unansweredRequests = 0
    /// The descriptors that came with those.
    var descriptorsInService = 0
    /// The bytes of their lines.
    var bytesInService = 0
    /// The bytes of the line that is being served, until a request that it is kept for takes them on.
    var unclaimedLineBytes = 0
    var calls: [String: PendingCall] = [:]
    /// Calls whose deadline has passed and whose answer is still expected.
    var lateCalls: [String: @ReactorActor () -> Void] = [:]
    var lastCall = 0

    private var lingerTimer: TimerToken?
    private var closeHandlers: [@ReactorActor () -> Void] = []

    /// Takes over a connected stream socket.
    ///
    /// - Parameter observer: is told what happens; see ``TransportEvent``.
    /// - Throws: ``SystemError`` when the kernel does not say who is there.
    public convenience init(
        owning descriptor: consuming OwnedDescriptor, kind: Kind, dispatcher: Dispatcher,
        limits: ConnectionLimits = .init(), observer: @escaping @ReactorActor (TransportEvent) -> Void = { _ in }
    ) throws(SystemError) {
        let peer = try descriptor.withRaw { number throws(SystemError) in
            try Peer(of: number, withPidfd: kind == .full)
        }
        self.init(
            owning: descriptor, of: peer, kind: kind, dispatcher: dispatcher, limits: limits, observer: observer)
    }

    init(
        owning descriptor: consuming OwnedDescriptor, of peer: Peer, kind: Kind, dispatcher: Dispatcher,
        limits: ConnectionLimits, observer: @escaping @ReactorActor (TransportEvent) -> Void
    ) {
        socket = SharedDescriptor(descriptor)
        self.peer = peer
        self.kind = kind
        self.dispatcher = dispatcher
        self.limits = limits
        self.observer = observer
        input = LineFramer(limit: limits.lineBytes)
    }

    /// Starts to serve the client. The reactor keeps the connection alive until it is closed.
    public func start() throws(SystemError) {
        interest = [.readable, .endOfInput]
        registration = try Reactor.main.watch(socket.number, for: interest) { self.handle($0) }
        observer(.opened(self))
    }

    /// A pidfd of the process at the other end, also on a query socket; nil when it has ended.
    public func peerPidfd() -> SharedDescriptor? {
        phase == .closed ? nil : try? Peer.openPidfd(of: socket.number, processID: peer.processID)
    }

    /// Whether the client can be called and notified.
    public var isOpen: Bool { phase == .open }

    /// Bytes that wait for the client to read them. Whoever sends notifications must look at it, for nobody else limits them.
    public var unreadBytes: Int { output.byteCount }

    /// Calls the handler once, when the connection has ended; at once when it has already.
    public func onClose(_ handler: @escaping @ReactorActor () -> Void) {
        if phase == .closed { handler() } else { closeHandlers.append(handler) }
    }

    /// Ends the connection now. What was not sent yet is lost.
    public func close() {
        close(.closedHere)
    }

    // MARK: - Life

    private func handle(_ events: EventMask) {
        if events.contains(.writable) { flush() }
        let isGone = !events.isDisjoint(with: [.hangUp, .error])
        if isGone, isInputEnded || isPaused {
            // Nobody is left to read the answers.
            close(.peerClosed)
        } else if isGone || !events.isDisjoint(with: [.readable, .endOfInput]) {
            receive()
        }
        update()
    }

    /// Brings what is watched for in line with the state, and ends what is finished.
    func update() {
        if isPaused, output.byteCount <= limits.outputHighWater / 2 {
            isPaused = false
            receive()
        }
        guard phase != .closed else { return }
        if output.isEmpty, isInputEnded, unansweredRequests == 0 || phase == .lingering {
            return close(phase == .lingering ? .fault : .peerClosed)
        }
        var wanted: EventMask = []
        if !isInputEnded, !isPaused { wanted.formUnion([.readable, .endOfInput]) }
        // Also when all is sent already: then the event that ends the pause comes at once, after others had their turn.
        if !output.isEmpty || isPaused { wanted.insert(.writable) }
        guard wanted != interest, let registration else { return }
        do {
            try Reactor.main.change(registration, to: wanted)
            interest = wanted
        } catch {
            close(.failed(error))
        }
    }

    /// Tells the client what it did wrong, and ends the connection.
    func fail(_ error: RPCError, id: RequestID = .null) {
        guard phase == .open else { return }
        sendError(error, id: id, batch: nil)
        guard phase == .open else { return }
        phase = .lingering
        isPaused = false
        discardInput()
        settleAccount()
        endCalls()
        observer(.fault(self, error))
        lingerTimer = Reactor.main.schedule(after: limits.linger) { self.close(.fault) }
        flush()
    }

    func close(_ reason: CloseReason) {
        guard phase != .closed else { return }
        phase = .closed
        if let registration { Reactor.main.unwatch(registration) }
        registration = nil
        if let lingerTimer { Reactor.main.cancel(lingerTimer) }
        if let descriptorTimer { Reactor.main.cancel(descriptorTimer) }
        closeSocket()
        descriptors.closeAll()
        output = OutputQueue()
        endCalls()
        settleAccount()
        for handler in closeHandlers { handler() }
        closeHandlers.removeAll()
        observer(.closed(self, reason))
    }

    private func closeSocket() {
        if isInputEnded {
            // Everything was read, so nothing of the client's is closed with the socket.
            _ = OwnedDescriptor(owning: socket.take())
        } else {
            // The client is to see the end at once; closing may take its time.
            _ = shutdown(socket.number, CInt(SHUT_RDWR))
            socket.close()
        }
    }
}
