// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What became of a datagram to one of systemd's sockets.
public enum Delivery: Sendable {
    /// Whoever is there will read it.
    case taken
    /// Whoever is there does not read, and its queue is full.
    case full
    /// Nobody is there.
    case absent
}

/// Sends datagrams to Unix sockets, and waits for nobody.
struct DatagramSender: ~Copyable, Sendable {
    /// Minus the errno where there is none.
    private let socket = clinux_datagram_create()

    deinit { if socket >= 0 { close(socket) } }

    /// Sends bytes to an address, with a descriptor that stays the caller's.
    borrowing func send(_ bytes: [UInt8], to address: String, with descriptor: CInt? = nil) -> Delivery {
        guard socket >= 0 else { return .absent }
        // The bytes are there for the call, as many as said.
        let result = unsafe clinux_datagram_send(socket, address, bytes, bytes.count, descriptor ?? -1)
        return switch -result {
        case 0: .taken
        case EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS: .full
        default: .absent
        }
    }
}
