// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Glibc
import JSONRPC
import Reactor

/// Watches one process by its pidfd until it ends, or nobody wants to know any more.
@ReactorActor
final class OwnerWatch {
    private let pidfd: SharedDescriptor
    private var registration: Registration?

    /// A watch that calls `ended` once when the process of the pidfd has ended. The pidfd is no other watch's.
    init(_ pidfd: SharedDescriptor, ended: @escaping @ReactorActor () -> Void) throws(SystemError) {
        self.pidfd = pidfd
        registration = try Reactor.main.watchExit(of: pidfd.number) { [weak self] in
            self?.registration = nil
            ended()
        }
    }

    /// Whether the process has ended, also before the reactor has come to tell.
    var hasEnded: Bool { Self.hasEnded(pidfd.number) }

    /// The pidfd.
    var number: CInt { pidfd.number }

    /// Whether a peer is this process.
    ///
    /// Both must be alive: then their numbers are different for different processes. A peer in a PID namespace that cannot
    /// be seen into has no number, and is known by its pidfd, which is a file of its own since Linux 6.9.
    func isProcess(_ pid: Int32, of peer: Peer) -> Bool {
        guard let other = peer.pidfd, !hasEnded, !Self.hasEnded(other.number) else { return false }
        if peer.processID > 0 { return peer.processID == pid }
        var (mine, theirs) = (stat(), stat())
        guard unsafe fstat(pidfd.number, &mine) == 0, unsafe fstat(other.number, &theirs) == 0 else { return false }
        // Before, all pidfds share one inode, which is also that of other files without a name.
        return mine.st_size == 0 && mine.st_ino > UInt32.max && mine.st_ino == theirs.st_ino
    }

    /// Whether the process of a pidfd has ended.
    static func hasEnded(_ pidfd: CInt) -> Bool {
        var state = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&state, 1, 0) > 0
    }

    isolated deinit {
        if let registration { Reactor.main.unwatch(registration) }
    }
}
