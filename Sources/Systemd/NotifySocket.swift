// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where the service manager that started this process wants to be told how it is (sd_notify(3)).
///
/// sd_notify itself waits while the manager's queue is full. What is said here is taken at once or not at all.
public struct NotifySocket: ~Copyable, Sendable {
    private let sender = DatagramSender()
    /// A path, or an abstract address that begins with `@`; nil where nobody wants to know.
    private let address: String?

    /// The socket that `NOTIFY_SOCKET` in the environment names.
    public init() {
        let value = unsafe getenv("NOTIFY_SOCKET").map { unsafe String(cString: $0) }
        address = value.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    }

    /// Tells something, such as `READY=1`.
    ///
    /// - Parameter descriptor: goes with it, and stays the caller's.
    public borrowing func send(_ state: String, with descriptor: CInt? = nil) -> Delivery {
        guard let address else { return .absent }
        return sender.send(Array(state.utf8), to: address, with: descriptor)
    }
}
