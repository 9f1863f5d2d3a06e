// SPDX-License-Identifier: Apache-2.0

import CKVM
import Glibc
import KVMTestSupport
import Testing

/// A VM of this process by bare ioctls. Results are values, or minus an errno, as the tests are about both.
@safe final class Machine {
    let kvm, vm: CInt
    private(set) var vcpus: [CInt] = []
    private var guest = unsafe kvmtest_guest()

    /// - Parameter prepare: what has to come before the first vCPU.
    init(ids: [UInt32] = [0], irqchip: Bool = false, prepare: (Machine) throws -> Void = { _ in }) throws {
        kvm = unsafe ckvm_open("/dev/kvm")
        vm = kvmtest_ioctl_number(kvm, KVMTEST_CREATE_VM, 0)
        try #require(vm >= 0)
        // Intel CPUs without unrestricted guests need three pages to enter real mode; others ignore the call.
        _ = kvmtest_ioctl_number(vm, KVMTEST_SET_TSS_ADDR, 0xFFFB_D000)
        if irqchip { try #require(ckvm_create_irqchip(vm) == 0) }
        try prepare(self)
        for id in ids {
            let vcpu = ckvm_create_vcpu(vm, id)
            try #require(vcpu >= 0)
            vcpus.append(vcpu)
        }
    }

    deinit {
        unsafe kvmtest_guest_end(&guest)
        for descriptor in vcpus + [vm, kvm] where descriptor >= 0 { close(descriptor) }
    }

    var vcpu: CInt { vcpus[0] }

    // MARK: ioctls

    func call(_ descriptor: CInt, _ request: UInt, _ words: inout [UInt32]) -> CInt {
        unsafe words.withUnsafeMutableBytes { unsafe kvmtest_ioctl(descriptor, request, $0.baseAddress) }
    }

    func call<Argument: BitwiseCopyable>(_ descriptor: CInt, _ request: UInt, _ argument: inout Argument) -> CInt {
        unsafe withUnsafeMutablePointer(to: &argument) { unsafe kvmtest_ioctl(descriptor, request, $0) }
    }

    /// KVM_ENABLE_CAP of the VM.
    func enable(_ capability: CInt, _ argument: UInt64) -> CInt {
        var cap = kvm_enable_cap()
        cap.cap = UInt32(capability)
        cap.args.0 = argument
        return call(vm, KVMTEST_ENABLE_CAP, &cap)
    }

    // MARK: Tables

    /// KVM_SET_CPUID2.
    func set(_ table: KVMTable) -> CInt {
        var words = table.words
        return call(vcpu, KVMTEST_SET_CPUID2, &words)
    }

    /// KVM_GET_CPUID2 with that much room: its result, and the count that is there afterwards.
    func get(room: Int) -> (result: CInt, count: Int) {
        var words = KVMTable.words(room: room)
        let result = call(vcpu, KVMTEST_GET_CPUID2, &words)
        return (result, Int(words[0]))
    }

    /// The number of entries: the least room that suffices. Linux 6.1 does not write the count.
    func count() -> Int {
        var (low, high) = (0, KVMTable.capacity)
        while low < high {
            let middle = (low + high) / 2
            if get(room: middle).result == 0 { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The table as KVM has it now.
    func table() throws -> KVMTable {
        var words = KVMTable.words(room: KVMTable.capacity)
        try #require(call(vcpu, KVMTEST_GET_CPUID2, &words) == 0)
        return KVMTable(words: words, count: count())
    }

    /// What KVM offers, as a table for a guest: with the runtime bits as they are after reset.
    static func offer() throws -> KVMTable {
        let kvm = unsafe ckvm_open("/dev/kvm")
        defer { close(kvm) }
        var words = KVMTable.words(room: KVMTable.capacity)
        let result = unsafe words.withUnsafeMutableBytes {
            unsafe kvmtest_ioctl(kvm, KVMTEST_GET_SUPPORTED_CPUID, $0.baseAddress)
        }
        try #require(result == 0)
        return KVMTable(words: words, count: Int(words[0])).with(1) {
            $0.ecx.set(27, false)
            $0.ecx.set(31, true)
        }
    }

    /// Gives the vCPU that table, by default what KVM offers, and tells what KVM made of it.
    @discardableResult func given(_ table: KVMTable? = nil) throws -> KVMTable {
        try #require(set(try table ?? Self.offer()) == 0)
        return try self.table()
    }

    // MARK: Registers

    func registers() throws -> kvm_sregs {
        var registers = kvm_sregs()
        try #require(call(vcpu, KVMTEST_GET_SREGS, &registers) == 0)
        return registers
    }

    /// KVM_SET_SREGS with something changed of what there is.
    func change(_ change: (inout kvm_sregs) -> Void) throws -> CInt {
        var registers = try registers()
        change(&registers)
        return call(vcpu, KVMTEST_SET_SREGS, &registers)
    }

    /// Sets or clears a bit of CR4.
    func setCR4(_ bit: Int, _ on: Bool) throws -> CInt {
        try change { $0.cr4 = $0.cr4 & ~(1 << bit) | (on ? 1 << bit : 0) }
    }

    /// KVM_SET_XCRS with XCR0.
    func setXCR0(_ value: UInt64) -> CInt {
        var registers = kvm_xcrs()
        registers.nr_xcrs = 1
        registers.xcrs.0.value = value
        return call(vcpu, KVMTEST_SET_XCRS, &registers)
    }

    /// KVM_SET_MSRS, in order.
    func set(_ msrs: [(index: UInt32, value: UInt64)]) -> CInt {
        let entries = msrs.map { kvm_msr_entry(index: $0.index, reserved: 0, data: $0.value) }
        return unsafe ckvm_set_msrs(vcpu, entries, UInt32(entries.count))
    }

    /// KVM_GET_MSRS of one; nil when the vCPU does not have it.
    func msr(_ index: UInt32) -> UInt64? {
        var entry = kvm_msr_entry(index: index, reserved: 0, data: 0)
        return unsafe ckvm_get_msrs(vcpu, &entry, 1) == 1 ? entry.data : nil
    }

    // MARK: Running

    /// Makes the vCPU's guest when it is first wanted.
    private func makeGuest() throws {
        if unsafe guest.run == nil { try #require(unsafe kvmtest_guest_make(&guest, kvm, vm, vcpu) == 0) }
    }

    /// Lets the guest execute an instruction, so that the vCPU has run.
    func run() throws {
        try makeGuest()
        try #require(unsafe kvmtest_guest_step(&guest) == 0)
    }

    /// What the guest's CPUID instruction answers: EAX, EBX, ECX, EDX.
    func cpuid(_ leaf: UInt32, _ subleaf: UInt32 = 0) throws -> [UInt32] {
        try makeGuest()
        var registers: [UInt32] = [leaf, 0, subleaf, 0]
        try #require(unsafe kvmtest_guest_cpuid(&guest, &registers) == 0)
        return registers
    }

    /// Sets the vCPU to where it halts, with interrupts off.
    func prepareHalt() throws {
        try makeGuest()
        try #require(unsafe kvmtest_guest_prepare_halt(&guest) == 0)
    }

    var isHalting: Bool { unsafe kvmtest_guest_is_halting(&guest) }

    /// Whether the next KVM_RUN is to return at once.
    func setImmediateExit(_ on: Bool) throws {
        try makeGuest()
        unsafe kvmtest_guest_set_immediate_exit(&guest, on)
    }
}
