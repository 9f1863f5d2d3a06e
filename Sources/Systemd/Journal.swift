// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Hands entries to journald, and waits for nobody.
///
/// sd_journal_send(3) waits until journald reads, and with it would wait everybody who wants something of the daemon. An entry
/// here is a datagram that never blocks; entries are far too small to need the memory files of the protocol.
public struct Journal: ~Copyable, Sendable {
    /// What became of an entry.
    public enum Outcome: Sendable {
        /// journald will read it.
        case taken
        /// journald does not read, and its queue is full.
        case full
        /// There is no journald.
        case absent
    }

    private static let path = "/run/systemd/journal/socket"

    /// Minus the errno where there is none.
    private let socket: CInt

    /// Makes the socket that entries are sent from.
    public init() { socket = clinux_datagram_create() }

    deinit { if socket >= 0 { close(socket) } }

    /// Hands an entry over.
    public borrowing func send(_ entry: JournalEntry) -> Outcome {
        guard socket >= 0 else { return .absent }
        // The bytes are there for the call, as many as said.
        let result = unsafe clinux_datagram_send(socket, Self.path, entry.bytes, entry.bytes.count)
        return switch -result {
        case 0: .taken
        case EAGAIN, ENOBUFS, ENOMEM: .full
        default: .absent
        }
    }

    /// Whether a journald is here to talk to.
    public static var isAvailable: Bool { unsafe access(path, W_OK) == 0 }
}
