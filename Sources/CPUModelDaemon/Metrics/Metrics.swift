// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSONRPC
import Reactor

/// What the daemon has done since it was started, in numbers. Counting is adding to memory that is there already.
@ReactorActor
final class Metrics {
    /// The answers of one method.
    final class MethodCounts {
        var latency = LatencyHistogram()
        var successes: UInt64 = 0
        /// By code of the error.
        var errors: [Int: UInt64] = [:]
    }

    /// What became of a `vm.apply`.
    enum ApplyOutcome: String, CaseIterable {
        case exact, runtime, altered
        /// It was not applied, for whatever reason.
        case failed

        init(_ verdict: Verdict) {
            switch verdict {
            case .exact: self = .exact
            case .runtime: self = .runtime
            case .altered: self = .altered
            }
        }
    }

    private(set) var methods: [String: MethodCounts]
    private(set) var applications: [ApplyOutcome: LatencyHistogram]
    private(set) var refusals: [Action: UInt64]
    private(set) var reloads: (succeeded: UInt64, failed: UInt64) = (0, 0)
    /// Whether the files were right when they were last read.
    var isConfigurationGood = true
    private(set) var connectionsOpened: UInt64 = 0
    private(set) var connectionsRefused: UInt64 = 0
    private(set) var faults: UInt64 = 0

    init() {
        methods = Dictionary(uniqueKeysWithValues: Method.all.map { ($0.name, MethodCounts()) })
        applications = Dictionary(uniqueKeysWithValues: ApplyOutcome.allCases.map { ($0, LatencyHistogram()) })
        refusals = Dictionary(uniqueKeysWithValues: Action.allCases.map { ($0, 0) })
    }

    /// Counts a request that was answered.
    func count(_ request: Dispatcher.Finished) {
        guard let counts = methods[request.method] else { return }
        counts.latency.add(request.duration)
        if let code = request.errorCode { counts.errors[code, default: 0] += 1 } else { counts.successes += 1 }
    }

    /// Counts a `vm.apply`.
    func count(_ outcome: ApplyOutcome, took duration: Duration) {
        applications[outcome, default: LatencyHistogram()].add(duration)
    }

    /// Counts a request that its sender may not make.
    func countRefusal(of action: Action) { refusals[action, default: 0] += 1 }

    /// Counts a reload.
    func countReload(succeeded: Bool) {
        if succeeded { reloads.succeeded += 1 } else { reloads.failed += 1 }
        isConfigurationGood = succeeded
    }

    /// Counts what happens to connections.
    func count(_ event: TransportEvent) {
        switch event {
        case .opened: connectionsOpened += 1
        case .refused, .acceptFailed: connectionsRefused += 1
        case .fault: faults += 1
        case .closed, .strayResponse, .handlerFailed: break
        }
    }
}
