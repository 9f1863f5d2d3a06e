// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors

/// The timers of the reactor: a heap of deadlines and one timerfd, armed for the earliest.
@ReactorActor
final class Timers {
    static let shared = Timers()

    typealias Handler = @ReactorActor () -> Void

    private var heap = DeadlineHeap()

    /// The timers that are to fire. One that was cancelled is missing here, and its deadline stays in the heap until it
    /// comes up.
    private var handlers: [UInt64: Handler] = [:]

    private var lastIdentifier: UInt64 = 0
    private var descriptor: CInt = -1
    /// What the timerfd is armed for; a wake-up too many does no harm, so it is only ever armed for something earlier.
    private var armedFor = UInt64.max

    private init() {}

    func open() throws(SystemError) {
        descriptor = try SystemError.check(clinux_timerfd_create(), "timerfd_create")
        _ = try EventLoop.shared.add(descriptor, for: .readable) { [unowned self] _ in fire() }
    }

    func close() {
        _ = OwnedDescriptor(owning: descriptor)
        descriptor = -1
        heap = DeadlineHeap()
        handlers.removeAll()
        armedFor = .max
    }

    func add(after delay: Duration, handler: @escaping Handler) -> UInt64 {
        lastIdentifier += 1
        handlers[lastIdentifier] = handler
        let deadline = clinux_monotonic_nanoseconds().addingWithSaturation(delay.wholeNanoseconds)
        heap.insert(DeadlineHeap.Entry(deadline: deadline, identifier: lastIdentifier))
        arm()
        return lastIdentifier
    }

    func cancel(_ identifier: UInt64) {
        guard handlers.removeValue(forKey: identifier) != nil else { return }
        // Deadlines of requests are nearly always cancelled: without this the heap would hold all of the last minutes.
        if heap.count > 64, heap.count > 2 * handlers.count {
            heap.keep { handlers[$0.identifier] != nil }
        }
    }

    private func fire() {
        // Arming makes the timerfd unreadable, so it need not be read.
        armedFor = .max
        let now = clinux_monotonic_nanoseconds()
        // What a handler adds now is later than `now`, so this ends.
        while let entry = heap.first, entry.deadline <= now {
            heap.removeFirst()
            handlers.removeValue(forKey: entry.identifier)?()
        }
        arm()
        if armedFor == .max { _ = clinux_timerfd_arm(descriptor, .max / 2) }
    }

    private func arm() {
        guard let first = heap.first, first.deadline < armedFor else { return }
        armedFor = first.deadline
        // With a descriptor of ours and a time there is nothing that could fail.
        _ = clinux_timerfd_arm(descriptor, first.deadline)
    }
}

extension Duration {
    /// In nanoseconds; 0 for a negative duration, and as many as fit for a long one.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (nanoseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : nanoseconds.addingWithSaturation(UInt64(attoseconds / 1_000_000_000))
    }
}

extension UInt64 {
    /// The sum, or the largest time that a timerfd takes.
    func addingWithSaturation(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max / 2 : Swift.min(sum, .max / 2)
    }
}
