// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Hands entries to journald, and waits for nobody.
///
/// sd_journal_send(3) waits until journald reads, and with it would wait everybody who wants something of the daemon. An entry
/// here is a datagram that never blocks; entries are far too small to need the memory files of the protocol.
public struct Journal: ~Copyable, Sendable {
    private static let path = "/run/systemd/journal/socket"

    private let sender = DatagramSender()

    /// Makes the socket that entries are sent from.
    public init() {}

    /// Hands an entry over.
    public borrowing func send(_ entry: JournalEntry) -> Delivery { sender.send(entry.bytes, to: Self.path) }

    /// Whether a journald is here to talk to.
    public static var isAvailable: Bool { unsafe access(path, W_OK) == 0 }
}
