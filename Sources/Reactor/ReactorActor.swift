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

    /// Starts a task of the actor that never leaves the reactor's thread.
    ///
    /// A plain `Task` of the actor goes through the runtime's thread pool each time that something it waited for has
    /// come: the runtime resumes on the pool and hops from there. Preferring the reactor for that too saves the way.
    @discardableResult
    public static func task<Result: Sendable>(
        _ body: @escaping @ReactorActor () async throws -> Result
    ) -> Task<Result, any Error> {
        Task(executorPreference: Reactor.main, operation: body)
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
