// SPDX-License-Identifier: Apache-2.0

public import Reactor

/// What one user may take of the daemon by all connections to all sockets together. Root is not bounded: it can have
/// everything anyway, and on many hosts it is the one user that all VMs are started by.
public struct UserLimits: Sendable {
    /// Connections.
    public var connections = 256

    /// Bytes that wait: of lines that have not ended, and of answers that were not read.
    public var queuedBytes = 256 << 20

    /// Descriptors that were received and are with no handler that is done with them yet.
    public var descriptors = 1 << 15

    /// The limits that are documented.
    public init() {}
}

/// The books of what each user has of the daemon.
@ReactorActor
public final class UserAccounts {
    /// The limits; who is above a new one already loses nothing by that.
    public var limits: UserLimits

    private var accounts: [UInt32: UserAccount] = [:]

    /// The number of connections of all users.
    public private(set) var connections = 0

    /// Books without an entry.
    public init(limits: UserLimits = .init()) { self.limits = limits }

    /// The number of connections of a user.
    public func connections(of user: UInt32) -> Int { accounts[user]?.connections ?? 0 }

    /// Enters a connection.
    func open(for user: UInt32) -> UserAccount {
        let account = accounts[user] ?? UserAccount(of: user, in: self)
        accounts[user] = account
        account.connections += 1
        connections += 1
        return account
    }

    /// Takes a connection out again.
    func close(_ account: UserAccount) {
        account.connections -= 1
        connections -= 1
        if account.connections == 0 { accounts[account.user] = nil }
    }
}

/// What one user has.
@ReactorActor
final class UserAccount {
    let user: UInt32
    private let book: UserAccounts
    fileprivate(set) var connections = 0
    var queuedBytes = 0
    var descriptors = 0

    fileprivate init(of user: UInt32, in book: UserAccounts) {
        self.user = user
        self.book = book
    }

    /// The error for a user that has more bytes waiting than it may.
    var bytesExcess: RPCError? {
        let limit = book.limits.queuedBytes
        guard user != 0, queuedBytes > limit else { return nil }
        return .limitExceeded(
            "More than \(limit) bytes of user \(user) wait: unfinished requests, and answers that were not read.",
            limit: "queuedBytesPerUser", value: limit)
    }

    /// The error for a user that has more descriptors on their way than it may.
    var descriptorsExcess: RPCError? {
        let limit = book.limits.descriptors
        guard user != 0, descriptors > limit else { return nil }
        return .limitExceeded(
            "More than \(limit) descriptors of user \(user) are on their way; wait for answers.",
            limit: "descriptorsPerUser", value: limit)
    }
}
