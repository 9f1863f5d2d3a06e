// SPDX-License-Identifier: Apache-2.0

import KVMTestSupport
import Testing

/// A system call that may block, on a thread of its own. It has to be ended.
@safe final class BlockingCall {
    enum State: UInt8 {
        /// It waits for a lock of the kernel's.
        case waiting = 0x44  // D
        /// It has returned.
        case returned = 0x58  // X
    }

    private let call: OpaquePointer
    private let room: UnsafeMutableRawBufferPointer

    private init(room size: Int, _ start: (UnsafeMutableRawPointer?) -> OpaquePointer?) throws {
        unsafe room = .allocate(byteCount: size, alignment: 8)
        unsafe call = try #require(unsafe start(room.baseAddress))
    }

    deinit { unsafe room.deallocate() }

    /// KVM_RUN.
    static func run(_ vcpu: CInt) throws -> BlockingCall {
        try unsafe BlockingCall(room: 8) { _ in unsafe kvmtest_call_ioctl(vcpu, KVMTEST_RUN, nil) }
    }

    /// An ioctl with room for its answer.
    static func ioctl(_ vcpu: CInt, _ request: UInt) throws -> BlockingCall {
        try unsafe BlockingCall(room: 4096) { unsafe kvmtest_call_ioctl(vcpu, request, $0) }
    }

    static func read(_ file: CInt, count: Int) throws -> BlockingCall {
        try unsafe BlockingCall(room: count) { unsafe kvmtest_call_read(file, $0, UInt64(count), 0) }
    }

    /// nil: anything else.
    var state: State? { State(rawValue: UInt8(bitPattern: unsafe kvmtest_call_state(call))) }

    /// Sends the thread a signal.
    func interrupt() -> CInt { unsafe kvmtest_call_interrupt(call) }

    /// Waits for the call to return: its result.
    func end() -> Int64 { unsafe kvmtest_call_end(call) }
}
