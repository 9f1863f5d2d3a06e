// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import Reactor
import Testing

@Suite("Descriptors")
struct DescriptorTests {
    private func isOpen(_ number: CInt) -> Bool { fcntl(number, F_GETFD) >= 0 }

    private func makeFile() -> CInt { unsafe clinux_memfd_create("test", 0) }

    @Test func anOwnedDescriptorIsClosedAtTheEndOfItsLife() async throws {
        let (reading, writing) = try makePipe()
        let owned = OwnedDescriptor(owning: writing)
        #expect(owned.withRaw { $0 } == writing)
        #expect(readByte(from: reading) == -1)
        _ = consume owned
        // A process that another test starts has the pipe open for a moment.
        try await waitUntil { readByte(from: reading) == 0 }
        close(reading)
    }

    @Test func aReleasedDescriptorStaysOpen() throws {
        let number = OwnedDescriptor(owning: makeFile()).release()
        #expect(isOpen(number))
        close(number)
    }

    @Test func aDuplicateIsAnotherDescriptorOfTheSameFile() throws {
        let file = OwnedDescriptor(owning: makeFile())
        let duplicate = try file.withRaw { number throws(SystemError) in try OwnedDescriptor(duplicating: number) }
        let numbers = file.withRaw { first in duplicate.withRaw { second in (first, second) } }
        #expect(numbers.0 != numbers.1)
        #expect(clinux_same_file(getpid(), numbers.0, getpid(), numbers.1) == 1)
        #expect(fcntl(numbers.1, F_GETFD) == FD_CLOEXEC)
    }

    @Test func aSharedDescriptorIsClosedWithTheLastReference() async throws {
        let (reading, writing) = try makePipe()
        var first: SharedDescriptor? = SharedDescriptor(owning: writing)
        var others = [first, first]
        first = nil
        #expect(readByte(from: reading) == -1)
        others.removeAll()
        try await waitUntil { readByte(from: reading) == 0 }
        close(reading)
    }

    @Test func aTakenDescriptorIsNotClosed() throws {
        let shared = SharedDescriptor(owning: makeFile())
        let number = shared.take()
        #expect(shared.take() == -1)
        #expect(shared.number == -1)
        shared.close()
        #expect(isOpen(number))
        close(number)
    }

    /// A TCP socket that lingers blocks in close(2) as long as its peer does not read.
    ///
    /// In a process of its own: tests that start processes share every open file with them for a moment.
    @Test func aDescriptorThatBlocksWhenClosedHoldsUpNobody() async {
        await #expect(processExitsWith: .success) {
            let (reading, writing) = try makePipe()
            let listener = try makeListener()
            for _ in 0..<4 { DescriptorCloser.shared.close(try makeLingeringSocket(to: listener)) }
            DescriptorCloser.shared.close(writing)
            try await waitUntil { readByte(from: reading) == 0 }
            // They block still, so that nobody has waited for them.
            #expect(DescriptorCloser.shared.unfinishedCount >= 4)
        }
    }

    @Test func errorsSayWhatAndWhy() {
        let error = SystemError(errno: EIO, operation: "ioctl(KVM_SET_CPUID2)")
        #expect(error.name == "EIO")
        #expect("\(error)" == "ioctl(KVM_SET_CPUID2) failed: Input/output error (EIO)")
        #expect("\(SystemError(errno: 9999, operation: "x"))" == "x failed: Unknown error (9999)")
    }
}

/// What is closed elsewhere is closed soon; other tests may get its number, so look at the file and not at that.
private func waitUntil(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition(), .now < deadline { try await Task.sleep(for: .milliseconds(2)) }
    #expect(condition())
}

private func makePipe() throws -> (reading: CInt, writing: CInt) {
    var ends: [CInt] = [-1, -1]
    try #require(unsafe pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
}

/// 0 at the end of the file, -1 when there is nothing yet.
private func readByte(from descriptor: CInt) -> Int {
    var byte: UInt8 = 0
    return unsafe read(descriptor, &byte, 1)
}

private func withLoopbackAddress(of listener: CInt?, _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> CInt)
    -> CInt
{
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            if let listener { unsafe getsockname(listener, address, &length) }
            return unsafe body(address, &length)
        }
    }
}

private func makeTCPSocket() -> CInt {
    socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
}

private func makeListener() throws -> CInt {
    let listener = makeTCPSocket()
    // A fixed, small buffer, so that it stays full.
    var size: CInt = 4096
    try #require(unsafe setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, 4) == 0)
    try #require(unsafe withLoopbackAddress(of: nil) { unsafe bind(listener, $0, $1) } == 0)
    try #require(listen(listener, 8) == 0)
    return listener
}

private func makeLingeringSocket(to listener: CInt) throws -> CInt {
    let client = makeTCPSocket()
    try #require(unsafe withLoopbackAddress(of: listener) { unsafe connect(client, $0, $1) } == 0)
    var option = linger(l_onoff: 1, l_linger: 120)
    let size = socklen_t(MemoryLayout<linger>.size)
    try #require(unsafe setsockopt(client, SOL_SOCKET, SO_LINGER, &option, size) == 0)
    // More than both sides can hold, also after the first of it has moved over.
    let bytes = [UInt8](repeating: 0, count: 1 << 20)
    for _ in 0..<3 {
        while unsafe send(client, bytes, bytes.count, Int32(MSG_DONTWAIT)) > 0 {}
        usleep(2000)
    }
    return client
}
