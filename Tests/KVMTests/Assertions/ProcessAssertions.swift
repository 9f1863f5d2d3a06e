// SPDX-License-Identifier: Apache-2.0

import CKVM
import CLinux
import Descriptors
import Glibc
import KVM
import KVMTestSupport
import Testing

/// Whose ioctl it is, and what somebody may do who was given a vCPU: K29 to K33; permission for AMX: K36.
@Suite(.enabled(if: TestHost.isUsable, TestHost.unusable))
struct ProcessAssertions {
    @Test("K29 ioctls are EIO in a forked process and after execve, of whatever number; with shared memory they work")
    func k29() throws {
        let process = try OtherProcess()
        let own = try process.ownVM(vcpu: 0)
        close(own.received)
        let onVCPU = [KVMTEST_GET_SREGS, KVMTEST_GET_CPUID2, KVMTEST_RUN, KVMTEST_NOT_KVM]
        let onVM = [KVMTEST_CHECK_EXTENSION, KVMTEST_NOT_KVM]
        func results(_ command: kvmtest_command) -> [Int64] {
            onVCPU.map { process.ask(command, own.vcpu, $0) } + onVM.map { process.ask(command, own.vm, $0) }
        }
        let refused = [Int64](repeating: Int64(-EIO), count: onVCPU.count + onVM.count)
        #expect(process.ask(KVMTEST_CALL, own.vcpu, KVMTEST_GET_SREGS) == 0)
        #expect(process.ask(KVMTEST_CALL, own.vcpu, KVMTEST_NOT_KVM) == Int64(-EINVAL))
        #expect(process.ask(KVMTEST_CALL, own.vm, KVMTEST_NOT_KVM) == Int64(-ENOTTY))

        #expect(results(KVMTEST_CALL_IN_FORK) == refused)
        #expect(process.ask(KVMTEST_CALL_IN_CLONE, own.vcpu, KVMTEST_GET_SREGS) == 0)
        #expect(process.ask(KVMTEST_CALL_IN_CLONE, own.vcpu, KVMTEST_NOT_KVM) == Int64(-EINVAL))

        let pid = process.pid
        #expect(process.ask(KVMTEST_EXECUTE, own.vcpu) == 0)
        #expect(process.pid == pid)
        #expect(TestHost.link("/proc/\(pid)/fd/\(own.vcpu)") == "anon_inode:kvm-vcpu:0")
        #expect(results(KVMTEST_CALL) == refused)
    }

    @Test("K30 who is sent a vCPU can tell which, and map it; ioctls are EIO, epoll is EPERM") func k30() throws {
        let machine = try Machine(ids: [7])
        let process = try OtherProcess()
        let number = process.ask(KVMTEST_TAKE, sending: machine.vcpu)
        try #require(number >= 0)
        #expect(TestHost.link("/proc/\(process.pid)/fd/\(number)") == "anon_inode:kvm-vcpu:7")
        for request in [KVMTEST_GET_SREGS, KVMTEST_GET_CPUID2, KVMTEST_SET_CPUID2, KVMTEST_RUN] {
            #expect(process.ask(KVMTEST_CALL, number, request) == Int64(-EIO))
        }
        #expect(process.ask(KVMTEST_MAP, number) == 0)
        #expect(process.ask(KVMTEST_EPOLL, number) == Int64(-EPERM))

        let other = try Machine(ids: [7])
        let same = clinux_same_file(getpid(), machine.vcpu, process.pid, CInt(number))
        // kcmp(2) may be left out of a kernel, or not be allowed here.
        if ![-ENOSYS, -EPERM].contains(same) {
            #expect(same == 1)
            #expect(clinux_same_file(getpid(), other.vcpu, process.pid, CInt(number)) == 0)
        }
    }

    @Test("K31 who maps the page and asks for them there sees the registers at the owner's next exit") func k31() throws
    {
        let machine = try Machine()
        let process = try OtherProcess()
        let number = process.ask(KVMTEST_TAKE, sending: machine.vcpu)
        #expect(process.ask(KVMTEST_MAP, number) == 0)
        let unwritten = process.ask(KVMTEST_CR4_OF_PAGE)
        #expect(process.ask(KVMTEST_ADD_VALID_REGISTERS, number, UInt(KVM_SYNC_X86_SREGS)) == 0)
        for osfxsr in [true, false] {
            #expect(try machine.setCR4(9, osfxsr) == 0)
            let cr4 = Int64(try machine.registers().cr4)
            #expect(process.ask(KVMTEST_CR4_OF_PAGE) != cr4 || unwritten == cr4, "not before an exit")
            try machine.run()
            #expect(process.ask(KVMTEST_CR4_OF_PAGE) == cr4)
        }
    }

    @Test("K32 the owner killed, ioctls are EIO and the page can be read still") func k32() throws {
        let process = try OtherProcess()
        let vcpu = try process.ownVM(vcpu: 3).received
        defer { close(vcpu) }
        var registers = kvm_sregs()
        func call() -> CInt {
            unsafe withUnsafeMutablePointer(to: &registers) { unsafe kvmtest_ioctl(vcpu, KVMTEST_GET_SREGS, $0) }
        }
        #expect(call() == -EIO)
        let page = unsafe ckvm_run_page_map(vcpu)
        try #require(unsafe page != nil)
        defer { unsafe ckvm_run_page_unmap(page) }
        let before = unsafe ckvm_run_page_read(page)
        process.kill()
        #expect(call() == -EIO)
        #expect(unsafe ckvm_run_page_read(page).apic_base == before.apic_base)
        let later = unsafe ckvm_run_page_map(vcpu)
        #expect(unsafe later != nil, "a new mapping works too")
        unsafe ckvm_run_page_unmap(later)
        #expect(try VCPUDescriptor(identifying: SharedDescriptor(owning: dup(vcpu))).id == 3)
    }

    @Test(
        "K32 the VM lives until the last holder lets go of it, as debugfs shows",
        .enabled(if: TestHost.exists("/sys/kernel/debug/kvm"), "debugfs with KVM's folder is not there to see"))
    func k32InDebugfs() throws {
        let process = try OtherProcess()
        let own = try process.ownVM(vcpu: 0)
        let folder = "/sys/kernel/debug/kvm/\(process.pid)-\(own.vm)"
        #expect(TestHost.exists(folder))
        let page = unsafe ckvm_run_page_map(own.received)
        process.kill()
        #expect(TestHost.exists(folder))
        close(own.received)
        #expect(TestHost.exists(folder), "the mapping holds it as well")
        unsafe ckvm_run_page_unmap(page)
        try wait { !TestHost.exists(folder) }
    }

    @Test("K33 a vCPU asleep in KVM_RUN keeps ioctls waiting, until it is called back; statistics do not wait")
    func k33() throws {
        let machine = try Machine(irqchip: true)
        try machine.given()
        let statistics = kvmtest_ioctl_number(machine.vcpu, KVMTEST_GET_STATS_FD, 0)
        try #require(statistics >= 0)
        defer { close(statistics) }
        try machine.prepareHalt()
        let run = try BlockingCall.run(machine.vcpu)
        try wait { machine.isHalting || run.state == .returned }
        #expect(run.state != .returned, "it sleeps in the kernel")

        let get = try BlockingCall.ioctl(machine.vcpu, KVMTEST_GET_SREGS)
        try wait { get.state != nil }
        #expect(get.state == .waiting, "it waits for the vCPU")

        let read = try BlockingCall.read(statistics, count: 24)
        try wait { read.state == .returned }
        #expect(read.end() == 24)
        #expect(get.state == .waiting, "it still waits")

        try machine.setImmediateExit(true)
        #expect(run.interrupt() == 0)
        #expect(run.end() == Int64(-EINTR))
        #expect(get.end() == 0)
    }

    @Test("K36 tile data in the table needs permission, which a process asks for before its first vCPU") func k36()
        throws
    {
        let tileData = 18
        let machine = try Machine()
        let table = try Machine.offer().with(0xD, 0) {
            $0.flags = KVMEntry.significantIndex
            $0.eax.set(tileData, true)
        }
        // This process never asked.
        #expect(machine.set(table) == -EPERM)
        #expect(machine.count() == 0)

        let hasAMX = kvmtest_xsave_components() >> UInt64(tileData) & 1 == 1
        let late = try OtherProcess()
        close(try late.ownVM(vcpu: 0).received)
        let early = try OtherProcess()
        let (before, after) = (
            early.ask(KVMTEST_REQUEST_PERMISSION, -1, UInt(tileData)),
            late.ask(KVMTEST_REQUEST_PERMISSION, -1, UInt(tileData))
        )
        #expect(before == (hasAMX ? 0 : Int64(-EOPNOTSUPP)))
        #expect(after == (hasAMX ? Int64(-EBUSY) : Int64(-EOPNOTSUPP)))
    }
}
