// SPDX-License-Identifier: Apache-2.0

public import Descriptors

/// A descriptor that the reactor watches.
public struct Registration: Hashable, Sendable {
    let token: UInt64
}

extension Reactor {
    /// Watches a descriptor, level-triggered: the handler is called again and again as long as it is ready.
    ///
    /// The descriptor must stay open until ``unwatch(_:)``, and can be watched once only.
    ///
    /// - Throws: ``SystemError`` of epoll_ctl(2): `EPERM` for a descriptor that cannot be waited for, such as a file.
    @ReactorActor
    public func watch(
        _ descriptor: CInt, for interest: EventMask, handler: @escaping @ReactorActor (EventMask) -> Void
    ) throws(SystemError) -> Registration {
        Registration(token: try EventLoop.shared.add(descriptor, for: interest, handler: handler))
    }

    /// Changes what a descriptor is watched for. `.hangUp` and `.error` are reported whatever is asked for.
    @ReactorActor
    public func change(_ registration: Registration, to interest: EventMask) throws(SystemError) {
        try EventLoop.shared.change(registration.token, to: interest)
    }

    /// Watches a descriptor no more: the handler is not called again, not even for an event that is already in hand.
    @ReactorActor
    public func unwatch(_ registration: Registration) {
        EventLoop.shared.remove(registration.token)
    }

    /// Calls the handler once, when the process of a pidfd has ended. ``unwatch(_:)`` takes it back.
    ///
    /// The pidfd must stay open until then.
    @ReactorActor
    public func watchExit(
        of pidfd: CInt, handler: @escaping @ReactorActor () -> Void
    ) throws(SystemError) -> Registration {
        // It stays readable for ever, so one event must be the last.
        Registration(token: try EventLoop.shared.add(pidfd, for: .readable, once: true) { _ in handler() })
    }
}
