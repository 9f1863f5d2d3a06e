// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import Glibc
import JSONRPC
import Reactor

/// Who is at the other end of a connection, as rules see it.
struct Caller: Sendable, Hashable {
    /// The effective user when the connection was made.
    let userID: UInt32
    /// The effective group, and the supplementary ones.
    let groupIDs: Set<UInt32>
    /// The systemd unit; nil where it is in none, is not asked for, or cannot be known for certain.
    let unit: String?

    init(userID: UInt32, groupIDs: Set<UInt32>, unit: String?) {
        self.userID = userID
        self.groupIDs = groupIDs
        self.unit = unit
    }

    /// Who has connected.
    ///
    /// - Parameter withUnit: whether any rule wants to know the unit; it costs reading /proc.
    @ReactorActor
    init(_ connection: Connection, withUnit: Bool) {
        let peer = connection.peer
        self.init(
            userID: peer.userID, groupIDs: Set(peer.supplementaryGroupIDs + [peer.groupID]),
            unit: withUnit ? Self.unit(of: connection) : nil)
    }

    /// The unit of the process that has connected.
    ///
    /// What /proc says by number may be of another process that has the number now. So the process must be alive after it was
    /// read, by its pidfd; and must be the same user still, since before Linux 6.5 the pidfd itself is found by number.
    @ReactorActor
    private static func unit(of connection: Connection) -> String? {
        let peer = connection.peer
        guard peer.processID > 0, let pidfd = peer.pidfd ?? connection.peerPidfd(),
            let unit = ProcessInformation.controlGroup(of: peer.processID)?.unit,
            ProcessInformation.effectiveUser(of: peer.processID) == peer.userID,
            !OwnerWatch.hasEnded(pidfd.number)
        else { return nil }
        return unit
    }
}
