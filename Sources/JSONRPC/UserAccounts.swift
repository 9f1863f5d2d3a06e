// SPDX-License-Identifier: Apache-2.0

public import Reactor

/// What one user may take of the daemon by all connections to all sockets together. Root is not bounded: it can have
/// everything anyway, and on many hosts it is the one user that all VMs are started by.
public struct UserLimits: Sendable {
    /// Connections.
    public var connections = 256

    /// Bytes that wait: of lines that have not ended, and of answers that were not read.
    public var queuedBytes = 128 << 20

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

    /// The most bytes that may wait, those of all users together: of requests that have not ended or are being served, and
    /// of answers that were not read. Connections with little (``smallShare``) are let have it beyond that.
    public var byteLimit = 256 << 20

    private var accounts: [UInt32: UserAccount] = [:]

    /// The number of connections of all users.
    public private(set) var connections = 0

    /// The bytes of all users that wait.
    public fileprivate(set) var queuedBytes = 0

    /// What each connection may have whatever the others have: the memory for a request of 64 KiB.
    static let smallShare = 128 << 10

    /// Books without an entry.
    public init(limits: UserLimits = .init()) { self.limits = limits }

    /// The number of connections of a user.
    public func connections(of user: UInt32) -> Int { accounts[user]?.connections ?? 0 }

    /// Enters a connection.
    func open(_ connection: Connection) -> UserAccount {
        let user = connection.peer.userID
        let account = accounts[user] ?? UserAccount(of: user, in: self)
        accounts[user] = account
        account.open[ObjectIdentifier(connection)] = connection
        connections += 1
        return account
    }

    /// Takes a connection out again.
    func close(_ connection: Connection, of account: UserAccount) {
        account.open[ObjectIdentifier(connection)] = nil
        connections -= 1
        if account.connections == 0 { accounts[account.user] = nil }
    }

    /// Ends connections as long as more bytes wait than may: of the user with the most the one with the most. So who fills
    /// the memory pays for it, and not who asks for a little of it then.
    fileprivate func relieve(sparing spared: Connection?) {
        while queuedBytes > byteLimit, let (connection, bytes) = heaviest(but: spared) {
            connection.giveUp(
                .limitExceeded(
                    "More than \(byteLimit) bytes wait, of all clients together: unfinished requests, and answers that were "
                        + "not read. This connection has the most, \(bytes); try again later.",
                    limit: "queuedBytes", value: byteLimit))
        }
    }

    private func heaviest(but spared: Connection?) -> (connection: Connection, bytes: Int)? {
        for account in accounts.values.sorted(by: { $0.queuedBytes > $1.queuedBytes }) {
            let heaviest = account.open.values.filter { $0 !== spared }.max { $0.releasableBytes < $1.releasableBytes }
            if let heaviest, heaviest.releasableBytes > Self.smallShare { return (heaviest, heaviest.releasableBytes) }
        }
        return nil
    }
}

/// What one user has.
@ReactorActor
final class UserAccount {
    let user: UInt32
    private let book: UserAccounts
    fileprivate var open: [ObjectIdentifier: Connection] = [:]
    var connections: Int { open.count }
    var queuedBytes = 0 {
        didSet { book.queuedBytes += queuedBytes - oldValue }
    }
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

    /// Sees to it that no more bytes wait than may. The connection at hand may be one of those that are ended for that.
    func relieve() {
        if book.queuedBytes > book.byteLimit { book.relieve(sparing: nil) }
    }

    /// The error for a request that would have to be kept, while requests that are kept already take all that may wait. What
    /// others have not finished gives way to it.
    func excess(of connection: Connection) -> RPCError? {
        guard connection.queuedBytes > UserAccounts.smallShare, book.queuedBytes > book.byteLimit else { return nil }
        book.relieve(sparing: connection)
        guard book.queuedBytes > book.byteLimit else { return nil }
        return .limitExceeded(
            "More than \(book.byteLimit) bytes wait, of all clients together: requests that are being served, and answers that "
                + "were not read. Try again later.", limit: "queuedBytes", value: book.byteLimit)
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
