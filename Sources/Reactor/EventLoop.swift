// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc

/// The reactor's own state: the epoll instance and who is told about which descriptor.
@ReactorActor
final class EventLoop {
    static let shared = EventLoop()

    typealias Handler = @ReactorActor (EventMask) -> Void

    /// The handler for one descriptor number.
    private struct Slot {
        /// How often the number was registered: a number is used anew as soon as it is closed, and an event that was
        /// fetched before that is not meant for the new owner.
        var generation: UInt32 = 0
        var handler: Handler?
        /// Whether the first event is also the last.
        var isOnce = false
    }

    /// By descriptor number.
    private var slots: [Slot] = []

    private var epoll: CInt = -1
    private(set) var wakeDescriptor: CInt = -1

    /// The one buffer that events are fetched into.
    private var ready = [clinux_epoll_event](
        repeating: clinux_epoll_event(token: 0, events: 0), count: CLINUX_EPOLL_BATCH)

    private init() {}

    func open() throws(SystemError) {
        epoll = try SystemError.check(clinux_epoll_create(), "epoll_create")
        wakeDescriptor = try SystemError.check(clinux_eventfd_create(), "eventfd")
        // Nobody is to be told: that the wait ends is all the event is for.
        _ = try add(wakeDescriptor, for: .readable, handler: { _ in })
        try Timers.shared.open()
    }

    func close() {
        Timers.shared.close()
        Signals.shared.close()
        // The generations stay: a registration of an earlier run must not become valid again.
        for index in slots.indices { slots[index].handler = nil }
        _ = OwnedDescriptor(owning: wakeDescriptor)
        _ = OwnedDescriptor(owning: epoll)
        (wakeDescriptor, epoll) = (-1, -1)
    }

    // MARK: - Registration

    func add(
        _ descriptor: CInt, for interest: EventMask, once: Bool = false, handler: @escaping Handler
    ) throws(SystemError) -> UInt64 {
        guard descriptor >= 0 else { throw SystemError(errno: EBADF, operation: "epoll_ctl") }
        let index = Int(descriptor)
        while slots.count <= index { slots.append(Slot()) }
        let generation = slots[index].generation &+ 1
        let token = UInt64(generation) << 32 | UInt64(index)
        _ = try SystemError.check(clinux_epoll_add(epoll, descriptor, interest.rawValue, token), "epoll_ctl")
        slots[index] = Slot(generation: generation, handler: handler, isOnce: once)
        return token
    }

    func change(_ token: UInt64, to interest: EventMask) throws(SystemError) {
        guard let index = index(of: token) else { return }
        _ = try SystemError.check(clinux_epoll_modify(epoll, CInt(index), interest.rawValue, token), "epoll_ctl")
    }

    func remove(_ token: UInt64) {
        guard let index = index(of: token) else { return }
        // In this order: the handler may hold the last reference to the owner of the descriptor, and the kernel
        // forgets a descriptor that was closed only when nobody else has the same file open.
        _ = clinux_epoll_remove(epoll, CInt(index))
        slots[index].handler = nil
    }

    /// The slot of a registration that is still in force.
    private func index(of token: UInt64) -> Int? {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == token >> 32, slots[index].handler != nil else {
            return nil
        }
        return index
    }

    // MARK: - Events

    /// Waits for events and handles those there are.
    func handleEvents(timeout: CInt) throws(SystemError) {
        // The buffer has the length that the call counts on.
        let count = unsafe try SystemError.check(clinux_epoll_wait(epoll, &ready, timeout), "epoll_wait")
        for position in 0..<Int(count) {
            let event = ready[position]
            // Looked up anew for each event: the handler before it may have removed this one.
            guard let index = index(of: event.token), let handler = slots[index].handler else { continue }
            if slots[index].isOnce { remove(event.token) }
            handler(EventMask(rawValue: event.events))
        }
    }
}
