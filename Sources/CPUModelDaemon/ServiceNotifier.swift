// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Glibc
import Reactor
import Systemd

/// Tells the service manager how the daemon is (sd_notify(3)), and waits for nobody: a manager that hangs must not stop the
/// event loop.
///
/// What the manager acts on is said again, in order, until it is taken; what is only of the moment is lost.
@ReactorActor
final class ServiceNotifier {
    private struct Message {
        let state: String
        var descriptor: SharedDescriptor?
    }

    /// How long to leave a manager alone that did not read.
    private static let pause = Duration.milliseconds(200)

    /// So many changes of what it keeps may wait for it. Beyond they are lost, as when it keeps no more: VMs are known
    /// again without.
    private static let mostWaiting = 256

    private let socket = NotifySocket()
    private var waiting: [Message] = []

    /// The daemon serves requests; it ends a reload, too.
    func ready(_ status: String) { tell("READY=1\nSTATUS=\(status)") }

    /// A reload begins. The time tells the manager whether this is the one that it has just asked for (`Type=notify-reload`).
    func reloading() {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        tell("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)")
    }

    /// The daemon ends.
    func stopping() { _ = socket.send("STOPPING=1") }

    /// The event loop goes on. Whoever calls this again and again needs no answer.
    func feedWatchdog() { _ = socket.send("WATCHDOG=1") }

    /// Has the manager keep a descriptor over restarts (`FDSTORE=1`); it comes back with the activated sockets.
    func keep(_ descriptor: CInt, as name: String) {
        let state = "FDSTORE=1\nFDNAME=\(name)"
        if waiting.isEmpty, socket.send(state, with: descriptor) != .full { return }
        guard waiting.count < Self.mostWaiting else { return }
        // Whose it is may close it before it is taken.
        guard let copy = try? OwnedDescriptor(duplicating: descriptor) else { return }
        wait(Message(state: state, descriptor: SharedDescriptor(copy)))
    }

    /// Has the manager close a descriptor that it keeps.
    func forget(_ name: String) {
        if waiting.count < Self.mostWaiting { tell("FDSTOREREMOVE=1\nFDNAME=\(name)") }
    }

    private func tell(_ state: String) {
        if waiting.isEmpty, socket.send(state) != .full { return }
        wait(Message(state: state))
    }

    private func wait(_ message: Message) {
        waiting.append(message)
        if waiting.count == 1 { planRetry() }
    }

    private func planRetry() {
        Reactor.main.schedule(after: Self.pause) { [weak self] in self?.retry() }
    }

    private func retry() {
        var said = 0
        while said < waiting.count {
            let message = waiting[said]
            if socket.send(message.state, with: message.descriptor?.number) == .full { break }
            said += 1
        }
        waiting.removeFirst(said)
        if !waiting.isEmpty { planRetry() }
    }
}
