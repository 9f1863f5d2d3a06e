// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import Reactor
import Testing

@Suite("Watching descriptors")
struct WatchingTests {
    init() { Reactor.startThread() }

    @ReactorActor private func makePair() throws -> (SharedDescriptor, SharedDescriptor) {
        var (first, second): (CInt, CInt) = (-1, -1)
        let result = unsafe clinux_unix_pair(&first, &second)
        try #require(result == 0)
        return (SharedDescriptor(owning: first), SharedDescriptor(owning: second))
    }

    @Test @ReactorActor func theHandlerIsCalledAsLongAsThereIsSomethingToRead() async throws {
        let (here, there) = try makePair()
        defer { withExtendedLifetime(here) {} }
        var received: [UInt8] = []
        let registration = try Reactor.main.watch(here.number, for: .readable) { events in
            #expect(events == .readable)
            var byte: UInt8 = 0
            if unsafe read(here.number, &byte, 1) == 1 { received.append(byte) }
        }
        _ = unsafe write(there.number, "abc", 3)
        try await Reactor.main.sleep(for: .milliseconds(10))
        Reactor.main.unwatch(registration)
        #expect(received == Array("abc".utf8))
    }

    @Test @ReactorActor func interestCanBeChanged() async throws {
        let (here, there) = try makePair()
        defer { withExtendedLifetime(here) {} }
        var calls = 0
        let registration = try Reactor.main.watch(here.number, for: []) { _ in calls += 1 }
        _ = unsafe write(there.number, "a", 1)
        try await Reactor.main.sleep(for: .milliseconds(5))
        #expect(calls == 0)
        try Reactor.main.change(registration, to: .readable)
        try await Reactor.main.sleep(for: .milliseconds(5))
        Reactor.main.unwatch(registration)
        #expect(calls > 0)
    }

    @Test @ReactorActor func hangUpIsReportedUnasked() async throws {
        let (here, there) = try makePair()
        defer { withExtendedLifetime(here) {} }
        var seen: EventMask = []
        let registration = try Reactor.main.watch(here.number, for: []) { seen.formUnion($0) }
        there.close()
        try await Reactor.main.sleep(for: .milliseconds(10))
        Reactor.main.unwatch(registration)
        #expect(seen.contains(.hangUp))
    }

    /// Two descriptors become ready at once; the handler of either replaces the other before its event is delivered.
    @Test @ReactorActor func anEventForADescriptorThatIsGoneDoesNotReachItsSuccessor() async throws {
        let (first, firstPeer) = try makePair()
        let (second, secondPeer) = try makePair()
        defer { withExtendedLifetime((first, second)) {} }
        var registrations: [CInt: Registration] = [:]
        var successor: (SharedDescriptor, SharedDescriptor)?
        var wrong = 0
        func replace(_ victim: SharedDescriptor) {
            guard successor == nil, let registration = registrations[victim.number] else { return }
            Reactor.main.unwatch(registration)
            guard let pair = try? makePair() else { return }
            // In one step, since other tests open files too.
            let number = dup2(pair.0.number, victim.number)
            #expect(number == victim.number)
            successor = pair
            registrations[number] = try? Reactor.main.watch(number, for: .readable) { _ in wrong += 1 }
        }
        registrations[first.number] = try Reactor.main.watch(first.number, for: .readable) { _ in replace(second) }
        registrations[second.number] = try Reactor.main.watch(second.number, for: .readable) { _ in replace(first) }
        // Both before the reactor gets to wait: this test holds its thread.
        _ = unsafe write(firstPeer.number, "a", 1)
        _ = unsafe write(secondPeer.number, "a", 1)
        try await Reactor.main.sleep(for: .milliseconds(10))
        for registration in registrations.values { Reactor.main.unwatch(registration) }
        #expect(successor != nil)
        #expect(wrong == 0)
    }

    @Test @ReactorActor func aFileCannotBeWatched() throws {
        let file = OwnedDescriptor(owning: unsafe open("/proc/self/exe", O_RDONLY | O_CLOEXEC))
        file.withRaw { number in
            _ = #expect(throws: SystemError(errno: EPERM, operation: "epoll_ctl")) {
                try Reactor.main.watch(number, for: .readable) { _ in }
            }
        }
        #expect(throws: SystemError(errno: EBADF, operation: "epoll_ctl")) {
            try Reactor.main.watch(-1, for: .readable) { _ in }
        }
    }

    @Test @ReactorActor func theEndOfAProcessIsReportedOnce() async throws {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sleep"), strdup("0.02"), nil]
        defer { while let argument = unsafe arguments.popLast() { unsafe free(argument) } }
        let result = unsafe posix_spawn(&process, "/bin/sleep", nil, nil, arguments, nil)
        try #require(result == 0)
        let pidfd = SharedDescriptor(owning: clinux_pidfd_open(process))
        defer { withExtendedLifetime(pidfd) {} }
        var ends = 0
        _ = try Reactor.main.watchExit(of: pidfd.number) { ends += 1 }
        #expect(ends == 0)
        try await Reactor.main.sleep(for: .milliseconds(80))
        #expect(ends == 1)
        waitpid(process, nil, 0)
    }
}
