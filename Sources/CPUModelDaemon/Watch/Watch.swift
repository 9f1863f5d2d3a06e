// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSONRPC
import Reactor

/// One `vm.watch`: what a connection wants to be told, until it ends.
///
/// A watcher that does not read is not waited for: beyond a bound it is told that it is dropped, and the watch ends.
@ReactorActor
final class Watch {
    private let id: Int
    private let parameters: WatchParameters
    private let connection: Connection
    private let live: LiveService
    private var sequence = 0
    private var isOver = false
    private var vms: [String: WatchedVM] = [:]
    private var loops: [Task<Void, any Error>] = []
    private var dropped: @ReactorActor () -> Void = {}
    private var listSize = 0

    /// As many bytes may wait for the watcher to read them, beside the list that it was given first.
    private static let unreadLimit = 256 << 10
    /// With more waiting than this nothing new is looked for: what changes meanwhile is seen at the next look.
    private static let unreadPause = 64 << 10
    /// As many VMs are looked at at a time.
    private static let width = 16

    init(_ id: Int, _ parameters: WatchParameters, on connection: Connection, live: LiveService) {
        self.id = id
        self.parameters = parameters
        self.connection = connection
        self.live = live
    }

    /// Starts to look at what must be looked at to be noticed.
    ///
    /// - Parameters:
    ///   - listSize: the bytes of the list of VMs, which the watcher is about to be sent.
    ///   - dropped: is called when the watch ends because the watcher does not read.
    func start(listSize: Int, dropped: @escaping @ReactorActor () -> Void) {
        self.listSize = listSize
        self.dropped = dropped
        if let interval = parameters.capsMs { loop(interval) { await $0.lookAtCaps() } }
        if let interval = parameters.verifyMs { loop(interval) { await $0.verify() } }
    }

    /// Ends the watch.
    func end() {
        isOver = true
        for loop in loops { loop.cancel() }
        loops = []
        for vm in vms.values { vm.release() }
        vms = [:]
    }

    /// Whether a VM of that name is watched.
    func includes(_ name: String) -> Bool { parameters.vms?.contains(name) ?? true }

    // MARK: What happens

    /// Begins to watch a VM of which the watcher knows.
    func add(_ vm: RegisteredVM) {
        vms[vm.record.name]?.release()
        vms[vm.record.name] = WatchedVM(vm)
    }

    /// Tells what has happened to a VM, if it is watched.
    func take(in change: RegistryChange) {
        switch change {
        case .appeared(let vm):
            guard includes(vm.record.name) else { return }
            add(vm)
            tell(vm, .appeared(vm.record))
        case .changed(let vm):
            guard includes(vm.record.name) else { return }
            add(vm)
            tell(vm, .changed(vm.record))
        case .gone(let vm, let reason):
            guard let watched = vms.removeValue(forKey: vm.record.name) else { return }
            watched.release()
            tell(vm, .gone(reason: reason.rawValue))
        case .drifted(let vm, let verification): tell(vm, .drifted(verification))
        case .recovered(let vm): tell(vm, .recovered)
        }
    }

    private func tell(_ vm: RegisteredVM, _ content: VMEvent.Content) {
        guard !isOver, includes(vm.record.name) else { return }
        guard connection.unreadBytes <= Self.unreadLimit + listSize else {
            send(nil, .dropped)
            return dropped()
        }
        send(vm.record.name, content)
    }

    private func send(_ vm: String?, _ content: VMEvent.Content) {
        sequence += 1
        let event = VMEvent(watch: id, sequence: sequence, vm: vm, content)
        connection.notify(WatchResult.notification) { event.writeMembers(to: &$0) }
    }

    // MARK: Looking

    private func loop(_ milliseconds: Int, _ look: @escaping @ReactorActor (Watch) async -> Void) {
        loops.append(
            ReactorActor.task { [weak self] in
                while let watch = self, !watch.isOver {
                    await look(watch)
                    try await Reactor.main.sleep(for: .milliseconds(milliseconds))
                }
            })
    }

    private func lookAtCaps() async {
        var waiting = Array(vms.values)[...]
        let workers = (0..<min(Self.width, waiting.count)).map { _ in
            ReactorActor.task { [self] in while let vm = waiting.popFirst() { await lookAtCaps(of: vm) } }
        }
        for worker in workers { _ = try? await worker.value }
    }

    private func lookAtCaps(of watched: WatchedVM) async {
        let vm = watched.vm
        guard isWatched(watched), connection.unreadBytes <= Self.unreadPause else { return }
        if live.pageRefusal(of: vm) == nil { watched.observe() }
        let deadline = Duration.milliseconds(min(parameters.capsMs ?? 0, 500))
        let found = try? await live.vcpus(
            Array(vm.record.report.vcpus.indices), of: vm, source: nil, within: deadline)
        for vcpu in found ?? [] where isWatched(watched) {
            let changes = watched.changes(in: vcpu)
            if !changes.isEmpty { tell(vm, .capsChanged(vcpu: vcpu.index, changes)) }
        }
    }

    /// Whether the VM is still there, and somebody wants to know of it.
    private func isWatched(_ watched: WatchedVM) -> Bool { !isOver && vms[watched.vm.record.name] === watched }

    /// What is found the registry tells, to this watch and to all others.
    private func verify() async {
        let watched = vms.values.map(\.vm).filter { $0.agent != nil }
        let deadline = Duration.milliseconds(min(parameters.verifyMs ?? 0, 5000))
        _ = try? await live.verifier().verify(watched, within: deadline)
    }
}
