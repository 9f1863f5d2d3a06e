// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Descriptors
import Glibc
import Reactor

/// The process at the other end of a connection, as it was when it connected (unix(7), SO_PEERCRED).
public struct Peer: Sendable {
    /// The process; 0 when it is in a PID namespace that we cannot see into.
    public let processID: CInt

    /// Its effective user.
    public let userID: UInt32

    /// Its effective group.
    public let groupID: UInt32

    /// Its supplementary groups (SO_PEERGROUPS).
    public let supplementaryGroupIDs: [UInt32]

    /// Tells when the process ends: watch it with ``Reactor/watchExit(of:handler:)``. `nil` on a query socket, where
    /// nobody needs it, and when the process ended before we could ask.
    public let pidfd: SharedDescriptor?

    init(of socket: CInt, withPidfd: Bool) throws(SystemError) {
        var credentials = clinux_peer()
        let result = unsafe clinux_peer_credentials(socket, &credentials)
        guard result >= 0 else { throw SystemError(errno: -result, operation: "getsockopt(SO_PEERCRED)") }
        processID = credentials.pid
        userID = credentials.uid
        groupID = credentials.gid
        supplementaryGroupIDs = try Self.groups(of: socket)
        pidfd = withPidfd ? try Self.openPidfd(of: socket, processID: credentials.pid) : nil
    }

    /// The kernel does not say how many there are, and there may be 65536.
    private static func groups(of socket: CInt) throws(SystemError) -> [UInt32] {
        var capacity = 32
        while true {
            var groups = [gid_t](repeating: 0, count: capacity)
            let count = unsafe clinux_peer_groups(socket, &groups, capacity)
            if count == -Int(ERANGE), capacity < 1 << 17 {
                capacity *= 8
                continue
            }
            guard count >= 0 else { throw SystemError(errno: CInt(-count), operation: "getsockopt(SO_PEERGROUPS)") }
            return Array(groups.prefix(count))
        }
    }

    static func openPidfd(of socket: CInt, processID: CInt) throws(SystemError) -> SharedDescriptor? {
        var pidfd = clinux_peer_pidfd(socket)
        // Before Linux 6.5 there is only the number, which is that of another process when this one has ended since.
        if pidfd == -ENOPROTOOPT, processID > 0 { pidfd = clinux_pidfd_open(processID) }
        switch -pidfd {
        case EMFILE, ENFILE, ENOMEM: throw SystemError(errno: -pidfd, operation: "getsockopt(SO_PEERPIDFD)")
        default: return pidfd >= 0 ? SharedDescriptor(owning: pidfd) : nil
        }
    }
}
