// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import JSONRPC
import Reactor

/// Lets requests through to the methods that their senders may call, and records the others.
@ReactorActor
final class AccessGate {
    /// The rules; a change counts from the next request of every connection on.
    var policy: AccessPolicy {
        didSet { generation += 1 }
    }
    /// Is told of every refusal.
    var onRefusal: @ReactorActor (Action) -> Void = { _ in }

    private let registry: VMRegistry
    private let log: EventLog
    private var generation = 0

    init(_ policy: AccessPolicy, registry: VMRegistry, log: EventLog) {
        self.policy = policy
        self.registry = registry
        self.log = log
    }

    /// Lets a request pass, or throws the error to answer it with.
    func check(_ request: Request, for method: Method) throws(APIError) {
        let access = method.access
        let rights = rights(of: request.connection)
        if rights.actions.contains(access.action) { return }
        if access.includesOwner, ownsVM(request) { return }
        throw refusal(of: request, asking: access.action, rights)
    }

    /// Lets a request pass that needs one more right than its method.
    func check(_ request: Request, for action: Action) throws(APIError) {
        let rights = rights(of: request.connection)
        if !rights.actions.contains(action) { throw refusal(of: request, asking: action, rights) }
    }

    /// Who has sent a request.
    func caller(of request: Request) -> Caller { rights(of: request.connection).caller }

    /// Whether the request is about a VM of the user that sent it.
    private func ownsVM(_ request: Request) -> Bool {
        guard let name = request.params["vm"]?.stringValue, let record = registry.vm(named: name) else { return false }
        return record.uid == request.peer.userID
    }

    // MARK: Rights

    /// What a connection may do, found out once for as long as the rules are the same.
    private final class Rights {
        let caller: Caller
        let actions: Set<Action>
        let generation: Int

        init(caller: Caller, actions: Set<Action>, generation: Int) {
            self.caller = caller
            self.actions = actions
            self.generation = generation
        }
    }

    private func rights(of connection: Connection) -> Rights {
        if let known = connection.context as? Rights, known.generation == generation { return known }
        let caller = Caller(connection, withUnit: policy.needsUnits)
        let rights = Rights(caller: caller, actions: policy.actions(of: caller), generation: generation)
        connection.context = rights
        return rights
    }

    // MARK: Refusals

    private func refusal(of request: Request, asking action: Action, _ rights: Rights) -> APIError {
        let rule = policy.rule(for: action)
        let error = APIError(rights.caller, mayNot: action, rule: rule, asking: request.method)
        onRefusal(action)
        // As long as a name may be: it is a text of somebody who may not even ask.
        let vm = (request.params["vm"] ?? request.params["name"])?.stringValue.map { String($0.prefix(64)) }
        log.record(
            Event(.accessRefused, error.message)
                .with("CPUMODELD_VM", vm)
                .with("CPUMODELD_ACTION", action.rawValue)
                .with("CPUMODELD_METHOD", request.method)
                .with("CPUMODELD_RULE", rule.name)
                .with("CPUMODELD_PEER_UNIT", rights.caller.unit)
                .of(request.peer))
        return error
    }
}
