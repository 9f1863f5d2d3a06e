// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Descriptors

/// A signal that arrived.
public struct ReceivedSignal: Hashable, Sendable {
    /// The number of the signal.
    public let number: CInt

    /// The process that sent it; 0 when the kernel did.
    public let sender: CInt

    /// The user of that process.
    public let user: UInt32
}

/// The signals of the reactor: one signalfd for all that somebody handles.
@ReactorActor
final class Signals {
    static let shared = Signals()

    typealias Handler = @ReactorActor (ReceivedSignal) -> Void

    private var handlers: [CInt: Handler] = [:]
    private var descriptor: CInt = -1

    private init() {}

    func handle(_ signals: [CInt], handler: @escaping Handler) throws(SystemError) {
        let all = Array(handlers.keys) + signals
        _ = try SystemError.check(unsafe clinux_signal_block(all, all.count), "pthread_sigmask")
        let result = try SystemError.check(unsafe clinux_signalfd(descriptor, all, all.count), "signalfd")
        for signal in signals { handlers[signal] = handler }
        guard descriptor < 0 else { return }
        descriptor = result
        _ = try EventLoop.shared.add(descriptor, for: .readable) { [unowned self] _ in deliver() }
    }

    func close() {
        if descriptor >= 0 { _ = OwnedDescriptor(owning: descriptor) }
        descriptor = -1
        handlers.removeAll()
    }

    private func deliver() {
        var signal = clinux_signal()
        while unsafe clinux_signalfd_read(descriptor, &signal) == 1 {
            let received = ReceivedSignal(
                number: CInt(signal.number), sender: CInt(bitPattern: signal.pid), user: signal.uid)
            handlers[received.number]?(received)
        }
    }
}

extension Reactor {
    /// Calls the handler whenever one of these signals arrives, and blocks them for everything else.
    ///
    /// They are blocked in the calling thread and in those it starts from then on: call this before any other thread
    /// exists, or a signal to the process may still find a thread to kill it in. Each signal has one handler; a later
    /// one takes its place.
    @ReactorActor
    public func onSignal(
        _ signals: CInt..., handler: @escaping @ReactorActor (ReceivedSignal) -> Void
    ) throws(SystemError) {
        try Signals.shared.handle(signals, handler: handler)
    }
}
