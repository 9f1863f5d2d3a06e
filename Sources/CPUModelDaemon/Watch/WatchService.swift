// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import JSONRPC
import Reactor

/// Tells watchers what happens to VMs.
@ReactorActor
final class WatchService {
    private let registry: VMRegistry
    private let live: LiveService
    private var watches: [Int: Watch] = [:]
    private var lastID = 0

    /// As many watches there may be at a time, of all connections.
    private static let limit = 256

    init(registry: VMRegistry, live: LiveService) {
        self.registry = registry
        self.live = live
        registry.observe { [weak self] change in self?.take(in: change) }
    }

    /// How many watches there are.
    var count: Int { watches.count }

    /// `vm.watch`: what is there now; and from the same instant on, whatever changes.
    func watch(_ parameters: WatchParameters, from request: Request) throws(APIError) -> Reply {
        guard watches.count < Self.limit else {
            throw APIError(
                .limitExceeded, "There are \(Self.limit) watches already, and no more at a time; end one.",
                data: ["limit": "watches", "value": .integer(Int64(Self.limit))])
        }
        lastID += 1
        let id = lastID
        let watch = Watch(id, parameters, on: request.connection, live: live)
        watches[id] = watch
        let vms = registry.allEntries.filter { watch.includes($0.record.name) }
        for vm in vms { watch.add(vm) }
        request.connection.onClose { [weak self] in self?.end(id) }
        let result = WatchResult(watch: id, vms: vms.map { ($0.record, $0.drift != nil) }).jsonBytes()
        watch.start(listSize: result.count) { [weak self] in self?.end(id) }
        return .encoded(result)
    }

    private func end(_ id: Int) { watches.removeValue(forKey: id)?.end() }

    private func take(in change: RegistryChange) {
        for watch in watches.values { watch.take(in: change) }
    }
}
