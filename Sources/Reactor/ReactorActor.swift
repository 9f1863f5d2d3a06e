// SPDX-License-Identifier: Apache-2.0

/// The actor of everything that happens on the reactor's thread: connections, timers, signals, and the service itself.
///
/// State isolated to it needs no locks, and its synchronous parts are entered without a hop when an event arrives.
@globalActor
public actor ReactorActor {
    /// The one instance.
    public static let shared = ReactorActor()

    private init() {}

    /// ``Reactor/main``.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The reactor is a global constant: it outlives every reference.
        unsafe Reactor.main.asUnownedSerialExecutor()
    }

    /// Runs `body` as part of the actor, at once.
    ///
    /// The caller must be on the reactor's thread: anything else ends the program, as it would be a data race.
    public static func assumeIsolated<Result: Sendable, Failure: Error>(
        _ body: @ReactorActor () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        Reactor.main.checkIsolated()
        typealias Body = () throws(Failure) -> Result
        // What isolation there is to lose was checked in the line above; the types differ in nothing else.
        // `MainActor.assumeIsolated` of the standard library is made the same way.
        return try withoutActuallyEscaping(body) { body throws(Failure) in
            try unsafe unsafeBitCast(body, to: Body.self)()
        }
    }
}
