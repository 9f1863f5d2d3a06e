// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// Closes descriptors on threads of its own, for close(2) can block for ever on what a stranger sent.
///
/// There are two lanes. What is sure to close, such as a vCPU, waits in line for one thread. Anything else has a thread
/// to itself, so that it can hold up only others of its kind, and those only when there are many. Threads end when
/// there is nothing left to close.
public final class DescriptorCloser: Sendable {
    /// The one closer of the process.
    public static let shared = DescriptorCloser()

    private struct Lane {
        let threadLimit: Int
        var waiting: [CInt] = []
        var threads = 0
    }

    private let finite = Mutex(Lane(threadLimit: 1))
    private let unknown = Mutex(Lane(threadLimit: 64))

    private init() {}

    /// How many descriptors wait to be closed, or are being closed.
    public var unfinishedCount: Int {
        finite.withLock { $0.waiting.count + $0.threads } + unknown.withLock { $0.waiting.count + $0.threads }
    }

    /// Closes a descriptor: at once when that takes no time, otherwise soon and elsewhere.
    ///
    /// - Parameter cost: What is known of the closing. Without it the kernel is asked what the descriptor is.
    public func close(_ number: CInt, cost: ClosingCost? = nil) {
        switch cost ?? ClosingCost(ofClosing: number) {
        case .none:
            _ = Glibc.close(number)
        case .finite:
            guard Self.enqueue(number, in: finite) else { return }
            // Plain functions for C: the one closer is all the context there is.
            let result = unsafe clinux_thread_start(
                "closer", { _ in DescriptorCloser.work(in: DescriptorCloser.shared.finite) }, nil)
            // Without a thread, closing here is the lesser evil.
            if result < 0 { Self.work(in: finite) }
        case .unknown:
            guard Self.enqueue(number, in: unknown) else { return }
            let result = unsafe clinux_thread_start(
                "closer", { _ in DescriptorCloser.work(in: DescriptorCloser.shared.unknown) }, nil)
            if result < 0 { Self.work(in: unknown) }
        }
    }

    /// Adds a descriptor; `true` when a thread is due for it.
    private static func enqueue(_ number: CInt, in lane: borrowing Mutex<Lane>) -> Bool {
        lane.withLock { lane in
            lane.waiting.append(number)
            guard lane.threads < lane.threadLimit else { return false }
            lane.threads += 1
            return true
        }
    }

    private static func work(in lane: borrowing Mutex<Lane>) {
        while let number = next(in: lane) {
            _ = Glibc.close(number)
        }
    }

    private static func next(in lane: borrowing Mutex<Lane>) -> CInt? {
        lane.withLock { lane in
            let number = lane.waiting.popLast()
            if number == nil { lane.threads -= 1 }
            return number
        }
    }
}
