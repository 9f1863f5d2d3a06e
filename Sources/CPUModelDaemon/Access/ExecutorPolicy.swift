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
        _ choice: ExecutorChoice, filtersReturn: Bool = false, for request: Request, through gate: AccessGate
    ) throws(APIError) -> any JobExecutor {
        let caller = gate.caller(of: request)
        guard let pidfd = request.peer.pidfd else {
            throw APIError(.ownerGone, "The process that sent the request has ended.")
        }
        let byOwner = OwnerExecutor(connection: request.connection, deadline: ownerDeadline)
        let byInjection = InjectExecutor(
            owner: pidfd, filtersReturn: filtersReturn, socketPath: injectSocketPath, deadline: injectDeadline)
        switch (choice, owner.contains(caller), inject.contains(caller)) {
        case (.owner, true, _), (.auto, true, false): return byOwner
        case (.inject, _, true), (.auto, false, true): return byInjection
        case (.auto, true, true): return FallbackExecutor(byOwner, else: byInjection)
        case (.owner, false, _): throw notByOwner(caller)
        case (.inject, _, false), (.auto, false, false):
            try gate.check(request, for: .inject)
            return byInjection
        }
    }

    private func notByOwner(_ caller: Caller) -> APIError {
        let rule = "[Executors] Owner="
        return APIError(
            .notPermitted,
            "User \(caller.userID) may not have the executor \"owner\": \(rule) of cpumodeld.conf allows it to "
                + "\(owner.words.isEmpty ? "nobody" : owner.words.joined(separator: " ")).",
            data: ["executor": "owner", "rule": .string(rule)])
    }
}
