// SPDX-License-Identifier: Apache-2.0

import Glibc
import KVMTestSupport
import Testing

/// A kvm-test-process, as it was built with these tests.
final class OtherProcess {
    let pid: pid_t
    private let socket: CInt

    init() throws {
        let bundle = TestHost.link("/proc/self/exe")
        let folder = try #require(bundle.lastIndex(of: "/").map { bundle[...$0] })
        var pid: pid_t = 0
        socket = unsafe kvmtest_process_start(folder + "kvm-test-process", &pid)
        self.pid = pid
        try #require(socket >= 0, "kvm-test-process is built beside the tests")
    }

    deinit {
        if socket >= 0 {
            close(socket)
            kvmtest_process_kill(pid)
        }
    }

    /// What it answers: a value, or minus an errno.
    @discardableResult func ask(
        _ command: kvmtest_command, _ descriptor: Int64 = -1, _ argument: UInt = 0, sending: CInt = -1
    ) -> Int64 {
        var received: CInt = -1
        let answer = ask(command, descriptor, argument, sending: sending, received: &received)
        if received >= 0 { close(received) }
        return answer
    }

    func ask(
        _ command: kvmtest_command, _ descriptor: Int64 = -1, _ argument: UInt = 0, sending: CInt = -1,
        received: inout CInt
    ) -> Int64 {
        let question = kvmtest_question(
            command: command.rawValue, fd: CInt(truncatingIfNeeded: descriptor), argument: UInt64(argument))
        return unsafe kvmtest_process_ask(socket, question, sending, &received)
    }

    /// Has it own a VM with a vCPU: their numbers there. The caller gets, and owns, a descriptor of the vCPU.
    func ownVM(vcpu id: UInt) throws -> (vm: Int64, vcpu: Int64, received: CInt) {
        let vm = ask(KVMTEST_OWN_VM)
        try #require(vm >= 0)
        var received: CInt = -1
        let vcpu = ask(KVMTEST_OWN_VCPU, -1, id, received: &received)
        try #require(vcpu >= 0 && received >= 0)
        return (vm, vcpu, received)
    }

    /// Ends it, and returns once it has. It is waited for later, so its pid stays its own.
    func kill() {
        Glibc.kill(pid, SIGKILL)
        waitid(P_PID, id_t(pid), nil, WEXITED | WNOWAIT)
    }
}
