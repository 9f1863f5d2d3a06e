// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPUModelAPI
import Glibc
import Synchronization
import Testing

@testable import CPUModelClient

/// A socket on which connections are accepted by the kernel, and on which nobody ever says anything.
private struct SilentDaemon: ~Copyable {
    let path: String
    private let listener: CInt

    init() throws {
        path = "/tmp/cpumodel-silent-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        listener = unsafe clinux_unix_listen(path, 0o600, 128)
        try #require(listener >= 0)
    }

    deinit {
        close(listener)
        unsafe unlink(path)
    }
}

private final class Counter: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }

    func increase() { value.withLock { $0 += 1 } }
}

@Suite struct LauncherConnectionTests {
    @Test func withoutADaemonTheErrorSaysWhere() async {
        let error = await #expect(throws: LauncherError.self) {
            try await LauncherConnection.connect(path: "/nonexistent/cpumodeld.sock")
        }
        #expect(error?.kind == "connection" && error?.code == -ENOENT)
        #expect(error?.message.contains("/nonexistent/cpumodeld.sock") == true)
    }

    @Test func aCallThatIsNotAnsweredInTimeEndsTheConnection() async throws {
        let silent = try SilentDaemon()
        let daemon = try await LauncherConnection.connect(path: silent.path, timeout: .milliseconds(20))
        let error = await #expect(throws: LauncherError.self) { try await daemon.call(.status) }
        #expect(error?.kind == "timeout" && error?.code == -ETIMEDOUT)
        let after = await #expect(throws: LauncherError.self) { try await daemon.call(.status) }
        #expect(after?.code == -ENOTCONN)
    }

    @Test func aCancelledTaskEndsItsCall() async throws {
        let silent = try SilentDaemon()
        let daemon = try await LauncherConnection.connect(path: silent.path, timeout: .seconds(600))
        let call = Task { try await daemon.call(.status) }
        call.cancel()
        let error = await #expect(throws: LauncherError.self) { try await call.value }
        #expect(error?.kind == "cancelled")
    }

    /// Many more calls wait than the pool has threads, and others of its tasks go on.
    @Test func callsThatWaitHoldUpNoOtherTask() async throws {
        let silent = try SilentDaemon()
        let path = silent.path
        let waiting = Counter()
        let calls = (0..<64).map { _ in
            Task {
                let daemon = try await LauncherConnection.connect(path: path, timeout: .seconds(600))
                waiting.increase()
                _ = try await daemon.call(.status)
            }
        }
        while waiting.count < calls.count { try await Task.sleep(for: .milliseconds(1)) }
        let sum = await withTaskGroup(of: Int.self) { group in
            for number in 1...100 { group.addTask { number } }
            return await group.reduce(0, +)
        }
        #expect(sum == 5050)
        for call in calls { call.cancel() }
        for call in calls {
            let error = await #expect(throws: LauncherError.self) { try await call.value }
            #expect(error?.kind == "cancelled")
        }
    }

    @Test func descriptorsAreClosedWithTheirOwner() throws {
        var (first, second): (CInt, CInt) = (-1, -1)
        try #require(unsafe clinux_unix_pair(&first, &second) == 0)
        defer { close(second) }
        do {
            let duplicates = try VCPUDescriptors(duplicating: [first, first])
            #expect(duplicates.count == 2)
        }
        do {
            let owner = VCPUDescriptors(owning: [first])
            owner.withNumbers { #expect($0 == [first]) }
        }
        // The last descriptor of this end is closed, so the other end is at its end.
        var byte: UInt8 = 0
        #expect(unsafe read(second, &byte, 1) == 0)
    }

    @Test func aDescriptorThatIsNoneIsNotDuplicated() {
        #expect(throws: (any Error).self) { _ = try VCPUDescriptors(duplicating: [-1]) }
    }
}
