// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON

/// Who may do what.
struct AccessPolicy: Sendable {
    /// Those who may, and how an administrator changes it.
    struct Rule: Sendable {
        /// Those who may.
        let callers: CallerSet
        /// Section and key of cpumodeld.conf: `[Access] Apply=`.
        let name: String
    }

    private let configuration: Configuration

    init(_ configuration: Configuration) { self.configuration = configuration }

    /// The rule for an action.
    func rule(for action: Action) -> Rule {
        switch action {
        case .query: Rule(callers: configuration.queryCallers, name: "[Access] Query=")
        case .apply: Rule(callers: configuration.applyCallers, name: "[Access] Apply=")
        case .define: Rule(callers: configuration.defineCallers, name: "[Access] Define=")
        case .forget: Rule(callers: configuration.forgetCallers, name: "[Access] Forget=")
        case .inject: Rule(callers: configuration.injectCallers, name: "[Executors] Inject=")
        }
    }

    /// All that somebody may do.
    func actions(of caller: Caller) -> Set<Action> {
        Set(Action.allCases.filter { rule(for: $0).callers.contains(caller) })
    }

    /// Whether any rule depends on units.
    var needsUnits: Bool { Action.allCases.contains { rule(for: $0).callers.hasUnits } }
}

extension APIError {
    /// A caller that may not do what it asks for.
    init(_ caller: Caller, mayNot action: Action, rule: AccessPolicy.Rule, asking method: String) {
        let allowed = rule.callers.words.isEmpty ? "nobody" : rule.callers.words.joined(separator: " ")
        let unit = caller.unit.map { " (\($0))" } ?? ""
        self.init(
            .notPermitted,
            "User \(caller.userID)\(unit) may not \(action.phrase) (\(method)): \(rule.name) of cpumodeld.conf allows it "
                + "to \(allowed).",
            data: ["action": .string(action.rawValue), "rule": .string(rule.name), "method": .string(method)])
    }
}

extension Action {
    /// The action behind "may not".
    var phrase: String {
        switch self {
        case .query: "ask about models, hosts and VMs"
        case .apply: "give VMs their CPU"
        case .define: "define or remove models"
        case .forget: "drop VMs of others"
        case .inject: "have cpumodeld-inject run jobs"
        }
    }
}
