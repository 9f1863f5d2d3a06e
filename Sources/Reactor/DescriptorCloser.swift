// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
internal import Synchronization

/// Closes descriptors on threads of its own, for close(2) can block for ever on what a stranger sent.
///
/// There are two lanes. What is known to close by itself, such as a vCPU, waits in line for one thread. Anything else has
/// a thread to itself, so that it can hold up only others of its kind, and those only when there are many.
/// Threads end when there is nothing left to close.
public final class DescriptorCloser: Sendable {
    /// The one closer of the process.
    public static let shared = DescriptorCloser()

    private struct Lane {
        let threadLimit: Int
        var waiting: [CInt] = []
        var threads = 0
    }

    private let harmless = Mutex(Lane(threadLimit: 1))
    private let doubtful = Mutex(Lane(threadLimit: 64))

    private init() {}

    /// How many descriptors wait to be closed, or are being closed.
    public var unfinishedCount: Int {
        harmless.withLock { $0.waiting.count + $0.threads } + doubtful.withLock { $0.waiting.count + $0.threads }
    }

    /// Closes a descriptor soon, elsewhere.
    public func close(_ number: CInt) {
        if Self.isHarmless(number) {
            guard Self.enqueue(number, in: harmless) else { return }
            // Plain functions for C: the one closer is all the context there is.
            let result = unsafe clinux_thread_start("closer", { _ in DescriptorCloser.work(in: DescriptorCloser.shared.harmless) }, nil)
            // Without a thread, closing here is the lesser evil.
            if result < 0 { Self.work(in: harmless) }
        } else {
            guard Self.enqueue(number, in: doubtful) else { return }
            let result = unsafe clinux_thread_start("closer", { _ in DescriptorCloser.work(in: DescriptorCloser.shared.doubtful) }, nil)
            if result < 0 { Self.work(in: doubtful) }
        }
    }

    /// Whether closing cannot depend on anybody else. Names of files begin with a slash, so no file can pass for one of
    /// these; only memory files have seals.
    private static func isHarmless(_ number: CInt) -> Bool {
        if clinux_memfd_get_seals(number) >= 0 { return true }
        let capacity = 64
        let link = unsafe String(unsafeUninitializedCapacity: capacity) { buffer in
            let length = unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe clinux_descriptor_link(number, text.baseAddress, capacity)
            }
            return max(0, length)
        }
        return link.hasPrefix("anon_inode:") || link.hasPrefix("pipe:")
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
