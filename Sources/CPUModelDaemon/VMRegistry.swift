// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import JSON
import Reactor

/// The VMs on this host that were given a CPU, by name. A VM is here as long as the process that created it lives.
@ReactorActor
final class VMRegistry {
    private struct Entry {
        let record: VMRecord
        /// Keeps watching the owner; without it the VM would stay for ever.
        let watch: OwnerWatch
    }

    private var entries: [String: Entry] = [:]
    private var reservations: Set<String> = []

    /// Takes a name for a VM that is about to be registered, so that no second request can; fails where another VM has
    /// it.
    ///
    /// - Parameter canReplace: whether the VM that has the name now may lose it.
    func reserve(_ name: String, canReplace: (VMRecord) -> Bool) throws(APIError) {
        if reservations.contains(name) {
            throw APIError(
                .nameInUse, "Another request is giving the VM \"\(name)\" its CPU right now.",
                data: ["vm": .string(name)])
        }
        if let record = entries[name]?.record, !canReplace(record) {
            throw APIError(
                .nameInUse,
                "The name \"\(name)\" belongs to the VM of process \(record.pid); "
                    + "choose another, or let its owner ask with replace.",
                data: ["vm": .string(name), "pid": .integer(Int64(record.pid))])
        }
        reservations.insert(name)
    }

    /// Gives a reserved name back.
    func cancelReservation(_ name: String) { reservations.remove(name) }

    /// Registers a VM under its reserved name. `ended` is called once when its owner ends.
    func register(
        _ record: VMRecord, owner pidfd: CInt, ended: @escaping @ReactorActor (VMRecord) -> Void
    ) throws(SystemError) {
        reservations.remove(record.name)
        let requestID = record.requestID
        let watch = try OwnerWatch(duplicating: pidfd) { [weak self] in
            // The name may have been taken over since.
            guard let self, let entry = entries[record.name], entry.record.requestID == requestID else { return }
            entries[record.name] = nil
            ended(entry.record)
        }
        entries[record.name] = Entry(record: record, watch: watch)
    }

    /// The VM of that name.
    func vm(named name: String) -> VMRecord? { entries[name]?.record }

    /// Drops a VM.
    func forget(_ name: String) { entries[name] = nil }

    /// All VMs by name.
    var all: [VMRecord] { entries.values.map(\.record).sorted { $0.name < $1.name } }

    /// The number of VMs.
    var count: Int { entries.count }

    /// The names, for suggestions.
    var names: some Collection<String> { entries.keys }
}
