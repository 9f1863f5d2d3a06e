// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Glibc
import JSON
import Reactor
import X86CPU

/// Keeps the host's history over runs, and tells what a change of the host means for the VMs.
@ReactorActor
final class HostHistoryService {
    private let registry: VMRegistry
    private let models: ModelService
    private var history: HostHistory?

    init(registry: VMRegistry, models: ModelService) {
        self.registry = registry
        self.models = models
    }

    /// Compares the host with what the file in the state directory says of it, tells in the log what is different, and
    /// writes the file anew. Without a directory the host has no history.
    func begin(_ host: HostCPU?, directory: String?, log: EventLog) {
        guard let host, let directory else { return }
        let file = KeptFile(path: "\(directory)/host.json", maximumSize: HostHistory.maximumSize)
        let now = Int64(time(nil))
        do {
            var history = try read(file, log) ?? HostHistory(of: host, at: now)
            let changes = history.see(host, at: now)
            if !changes.isEmpty { report(changes, of: history, in: log) }
            try AtomicFile.write(history.jsonBytes(), to: "host.json", in: directory, mode: 0o644)
            self.history = history
        } catch {
            let problem = (error as? FileError)?.problem ?? "\(error)"
            log.record(
                Event(
                    .hostHistoryFailed,
                    "What this host was like before cannot be kept in \(file.path): \(problem). The service goes on without."
                ))
        }
    }

    /// The history so far; nil where there is none, or where what there was is damaged, so that it begins anew.
    private func read(_ file: KeptFile, _ log: EventLog) throws(KeptFile.Fault) -> HostHistory? {
        guard RegularFile.exists(file.path) else { return nil }
        do throws(KeptFile.Fault) {
            return try file.read(HostHistory.init(parsing:))
        } catch {
            guard case .damaged = error else { throw error }
            let aside = file.path + KeptFile.asideEnding
            log.record(
                Event(
                    .hostHistoryFailed,
                    "What this host was like before is not known from \(file.path): \(error). It was put aside as \(aside), "
                        + "and the history begins anew."))
            return nil
        }
    }

    private func report(_ changes: HostChanges, of history: HostHistory, in log: EventLog) {
        let identity = changes.identity.map { "\($0.place.rawValue) \($0.before ?? "none") is now \($0.now ?? "none")" }
        let lost = Self.names(changes.lost)
        let gained = Self.names(changes.gained)
        let vms = affected(by: history).map(\.name)
        var sentences = ["This host's KVM is not what it was when the service last ran."]
        if !identity.isEmpty { sentences.append("Its \(identity.joined(separator: ", ")).") }
        if !lost.isEmpty { sentences.append("Guests cannot have any more: \(lost).") }
        if !gained.isEmpty { sentences.append("Guests can have: \(gained).") }
        if !vms.isEmpty { sentences.append("VMs that could not be started or brought here again: \(Self.list(vms)).") }
        sentences.append("See \"cpumodelctl host --changes\".")
        log.record(
            Event(changes.lost.isEmpty ? .hostChanged : .hostLost, sentences.joined(separator: " "))
                .with("CPUMODELD_LOST", lost.isEmpty ? nil : lost)
                .with("CPUMODELD_GAINED", gained.isEmpty ? nil : gained))
    }

    private static func names(_ features: FeatureSet) -> String {
        list(features.map(FeatureRegistry.shared.name(of:)))
    }

    /// So many names stand in a message.
    private static let namedInMessage = 20

    private static func list(_ names: [String]) -> String {
        let rest = names.count > namedInMessage ? " and \(names.count - namedInMessage) more" : ""
        return names.prefix(namedInMessage).joined(separator: " ") + rest
    }

    // MARK: Asked for

    /// Whether the host changed since the daemon first ran here.
    var hasChanged: Bool { history?.before != nil }

    /// What changed last, and which registered VMs that concerns; nil when nothing ever did.
    func changes() -> HostChangesResult? {
        guard let history, let before = history.before, let changes = history.lastChanges else { return nil }
        return HostChangesResult(
            changes, lastSeenAt: before.lastSeenAt, since: history.since, vms: affected(by: history))
    }

    /// The registered VMs that could be started or brought here before the host changed, and cannot now.
    private func affected(by history: HostHistory) -> [HostChangesResult.VM] {
        guard let before = history.before?.host else { return [] }
        let vms = registry.allEntries
        let then = MigrationSweep(vms, from: nil, onto: [CPUDescription(before, name: "this host as it was")])
        let now = MigrationSweep(vms, from: nil, onto: [CPUDescription(history.host, name: "this host")])
        var lost: [String: FeatureSet] = [:]
        return zip(vms, zip(then.vms, now.vms)).compactMap { vm, place in
            let record = vm.record
            let old = Set(then.answers[place.0.answer].obstacles)
            let obstacles = now.answers[place.1.answer].obstacles.filter { !old.contains($0) }
            let known = lost[record.expression]
            let lacking = known ?? lostForStart(record.expression, before: before, now: history.host)
            lost[record.expression] = lacking
            let dropped = FeatureSet(record.dropped.map(\.feature))
            let lostForStart = lacking.subtracting(dropped)
            guard !obstacles.isEmpty || !lostForStart.isEmpty else { return nil }
            return .init(
                name: record.name, expression: record.expression, lostForStart: lostForStart,
                obstacles: obstacles.map(\.description))
        }
    }

    private func lostForStart(_ expression: String, before: HostCPU, now: HostCPU) -> FeatureSet {
        func lacking(on host: HostCPU) -> FeatureSet {
            guard let parsed = try? ModelExpression(parsing: expression),
                let model = try? models.catalog.expand(parsed, on: host)
            else { return FeatureSet() }
            return FeatureSet(model.unavailable.map(\.feature))
        }
        return lacking(on: now).subtracting(lacking(on: before))
    }
}

extension MigrationCheck {
    /// Everything that stands in the way on any of the hosts.
    fileprivate var obstacles: [MigrationObstacle] { answers.flatMap(\.obstacles) }
}
