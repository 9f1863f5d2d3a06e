// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What a descriptor is ready for, or is to be watched for (epoll_ctl(2)).
public struct EventMask: OptionSet, Sendable {
    /// The bits of `struct epoll_event.events`.
    public let rawValue: UInt32

    /// A mask of these bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// There is something to read, or the end of the stream. `EPOLLIN`.
    public static let readable = EventMask(rawValue: UInt32(CLINUX_EPOLLIN))

    /// There is room to write. `EPOLLOUT`.
    public static let writable = EventMask(rawValue: UInt32(CLINUX_EPOLLOUT))

    /// The other side writes no more. `EPOLLRDHUP`.
    public static let endOfInput = EventMask(rawValue: UInt32(CLINUX_EPOLLRDHUP))

    /// The other side is gone. `EPOLLHUP`, reported whether asked for or not.
    public static let hangUp = EventMask(rawValue: UInt32(CLINUX_EPOLLHUP))

    /// There is an error to fetch. `EPOLLERR`, reported whether asked for or not.
    public static let error = EventMask(rawValue: UInt32(CLINUX_EPOLLERR))
}
