// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// That the daemon could not be reached, or went away before it answered.
public struct ConnectionError: Error, Sendable, Hashable {
    /// What went wrong.
    public enum Reason: Sendable, Hashable {
        /// connect(2) failed with this errno.
        case notConnected(errno: CInt)
        /// The daemon closed the connection without an answer.
        case closed
        /// The answer was not complete after this time.
        case timedOut(Duration)
        /// Sending or receiving failed with this errno.
        case broken(errno: CInt)
    }

    /// The socket.
    public let path: String
    /// What went wrong.
    public let reason: Reason

    init(path: String, _ reason: Reason) {
        self.path = path
        self.reason = reason
    }

    /// Whether there was no more time.
    var isTimeout: Bool { if case .timedOut = reason { true } else { false } }

    /// Whether there is a socket that this user may not use.
    var isForbidden: Bool { reason == .notConnected(errno: EACCES) || reason == .notConnected(errno: EPERM) }
}

extension ConnectionError: CustomStringConvertible {
    /// One sentence that says what to do.
    public var description: String {
        switch reason {
        case .notConnected(ENOENT):
            "there is no socket \(path); is cpumodeld installed and running (systemctl status cpumodeld)?"
        case .notConnected(ECONNREFUSED):
            "nobody listens on \(path); is cpumodeld running (systemctl status cpumodeld)?"
        case .notConnected(EACCES), .notConnected(EPERM):
            "this user may not connect to \(path); it takes root or a member of the socket's group (ls -l \(path))"
        case .notConnected(let errno):
            "cannot connect to \(path): \(Self.text(errno))"
        case .closed:
            "cpumodeld closed the connection without an answer; its journal may say why (journalctl -u cpumodeld)"
        case .timedOut(let time):
            "cpumodeld did not answer within \(time.components.seconds) s; its journal may say why (journalctl -u cpumodeld)"
        case .broken(let errno):
            "the connection to cpumodeld broke: \(Self.text(errno))"
        }
    }

    private static func text(_ errno: CInt) -> String {
        // Constants of the C library, or NULL for a number that is no errno.
        unsafe clinux_errno_text(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
    }
}
