// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import JSONRPC
import KVM
import Reactor

/// Which executor runs the jobs of a request: what the caller wants, as far as the administrator allows it.
struct ExecutorPolicy: Sendable {
    let owner, inject: CallerSet
    let injectSocketPath: String
    let ownerDeadline, injectDeadline: Duration

    init(_ configuration: Configuration) {
        owner = configuration.ownerCallers
        inject = configuration.injectCallers
        injectSocketPath = configuration.injectSocketPath
        ownerDeadline = configuration.ownerDeadline
        injectDeadline = configuration.injectDeadline
    }

    /// The executor for a request.
    ///
    /// - Parameter filtersReturn: as in ``ApplyParameters/filtersReturn``.
    @ReactorActor
    func executor(
        _ choice: ExecutorChoice, filtersReturn: Bool = false, for request: Request
    ) throws(APIError) -> any JobExecutor {
        let user = request.peer.userID
        guard let pidfd = request.peer.pidfd else {
            throw APIError(.ownerGone, "The process that sent the request has ended.")
        }
        let byOwner = OwnerExecutor(connection: request.connection, deadline: ownerDeadline)
        let byInjection = InjectExecutor(
            owner: pidfd, filtersReturn: filtersReturn, socketPath: injectSocketPath, deadline: injectDeadline)
        switch (choice, owner.contains(user), inject.contains(user)) {
        case (.owner, true, _), (.auto, true, false): return byOwner
        case (.inject, _, true), (.auto, false, true): return byInjection
        case (.auto, true, true): return FallbackExecutor(byOwner, else: byInjection)
        case (.owner, false, _): throw Self.notAllowed("owner", "Owner", user)
        case (.inject, _, false), (.auto, false, false): throw Self.notAllowed("inject", "Inject", user)
        }
    }

    private static func notAllowed(_ executor: String, _ key: String, _ user: UInt32) -> APIError {
        APIError(
            .notPermitted,
            "User \(user) may not have the executor \"\(executor)\"; \(key)= in the section [Executors] of "
                + "cpumodeld.conf says who may.",
            data: ["executor": .string(executor)])
    }
}
