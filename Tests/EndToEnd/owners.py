# SPDX-License-Identifier: Apache-2.0
"""Processes that own a VM: they have a model applied, may have an agent, and do as they are told.

    with Owner(daemon, "web-1", vcpus=2) as owner:
        owner.set_registers(0, cr4=1 << 18)
        owner.start(0, SPIN)
"""

import ctypes
import fcntl
import json
import mmap
import struct
import threading

import cpumodel
import kvm
from harness import Child

KVM_GET_SREGS, KVM_SET_SREGS = 0x8138AE83, 0x4138AE84
KVM_GET_XCRS, KVM_SET_XCRS = 0x8188AEA6, 0x4188AEA7
CR4_AT, EFER_AT, APIC_BASE_AT = 248, 264, 272  # in struct kvm_sregs

CODE_AT = 0x1000
SPIN = bytes((0xEB, 0xFE))  # jmp to itself: no exit to the VMM, ever
HALT = bytes((0xF4, 0xEB, 0xFD))  # hlt: with the APIC in the kernel the vCPU sleeps inside KVM_RUN
EXITS = bytes((0xE6, kvm.GUEST_PORT, 0xEB, 0xFC))  # out; jmp: one exit to the VMM after the other


class Owner(Child):
    """A process with one VM. `agent` says whether it lets the daemon read its vCPUs at any time."""

    def __init__(self, daemon, name, vcpus=1, agent=True, **params):
        path = daemon.socket_path
        params = {"name": name, "model": "host", "altered": "accept", **params}
        super().__init__(lambda pipe: _Machine(path, vcpus, agent, params).serve(pipe))
        self.name = name
        self.pipe.settimeout(50)
        self._lines = self.pipe.makefile("rw")
        self.result = self._answer()

    def _answer(self):
        line = self._lines.readline()
        if not line:
            raise AssertionError(f"the owner of {self.name} has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"the owner of {self.name}: {answer['error']}")
        return answer["result"]

    def tell(self, command, *arguments):
        self._lines.write(json.dumps([command, *arguments]) + "\n")
        self._lines.flush()
        return self._answer()

    def registers(self, vcpu=0):
        """CR4, IA32_APIC_BASE and, if the host has XSAVE, XCR0, by the kernel."""
        return self.tell("registers", vcpu)

    def set_registers(self, vcpu=0, **values):
        """Sets what is given of `cr4`, `apic_base` and `xcr0`, as the guest's own instructions would."""
        self.tell("set_registers", vcpu, values)

    def entry(self, leaf, subleaf=0, vcpu=0):
        """An entry of the vCPU's table as KVM has it now; None if it has none."""
        found = self.tell("entry", vcpu, leaf, subleaf)
        return kvm.Entry(*found) if found else None

    def change_entry(self, leaf, subleaf=0, vcpu=0, **bits):
        """Sets the vCPU's table anew with `bits` of registers flipped in an entry: `edx=1 << 28`."""
        self.tell("change_entry", vcpu, leaf, subleaf, bits)

    def start(self, vcpu=0, code=SPIN):
        """Lets a vCPU run on a thread of its own, until the process ends."""
        self.tell("start", vcpu, list(code))

    def exits(self, vcpu=0):
        """How often the vCPU has returned to its VMM since it was started."""
        return self.tell("exits", vcpu)

    def page(self, vcpu=0):
        """kvm_valid_regs, kvm_dirty_regs, and the bytes of s.regs.sregs of the vCPU's run page."""
        valid, dirty, sregs = self.tell("page", vcpu)
        return valid, dirty, bytes(sregs)


class _Machine:
    """What runs in the process."""

    def __init__(self, path, vcpus, agent, params):
        self.path, self.params = path, params
        self.vm = kvm.VM(vcpus)
        self.counts = [0] * vcpus
        self.agent = agent
        self.memory = None

    def serve(self, pipe):
        lines = pipe.makefile("rw")
        with cpumodel.Connection(self.path) as connection:
            result = connection.call("vm.apply", self.params, self.vm.vcpus)
        if self.agent:
            self.agent = cpumodel.Agent(result, self.vm.vcpus, self.path)
            if not self.agent.wait(20):
                raise TimeoutError("the agent was not attached")
        self.answer(lines, result)
        for line in lines:
            command, *arguments = json.loads(line)
            try:
                self.answer(lines, getattr(self, command)(*arguments))
            except OSError as error:  # what KVM does not take
                self.answer(lines, str(error), "error")

    @staticmethod
    def answer(lines, answer, kind="result"):
        lines.write(json.dumps({kind: answer}) + "\n")
        lines.flush()

    # What it may be told to do:

    def registers(self, vcpu):
        sregs, xcrs = bytearray(312), bytearray(392)
        fcntl.ioctl(self.vm.vcpus[vcpu], KVM_GET_SREGS, sregs, True)
        fcntl.ioctl(self.vm.vcpus[vcpu], KVM_GET_XCRS, xcrs, True)
        cr4, apic_base = (struct.unpack_from("<Q", sregs, at)[0] for at in (CR4_AT, APIC_BASE_AT))
        count, _, _, _, xcr0 = struct.unpack_from("<IIIIQ", xcrs)
        return {"cr4": cr4, "apic_base": apic_base, **({"xcr0": xcr0} if count else {})}

    def set_registers(self, vcpu, values):
        sregs = bytearray(312)
        fcntl.ioctl(self.vm.vcpus[vcpu], KVM_GET_SREGS, sregs, True)
        for name, at in (("cr4", CR4_AT), ("apic_base", APIC_BASE_AT)):
            if name in values:
                struct.pack_into("<Q", sregs, at, values[name])
        fcntl.ioctl(self.vm.vcpus[vcpu], KVM_SET_SREGS, bytes(sregs))
        if "xcr0" in values:
            xcrs = struct.pack("<IIIIQ", 1, 0, 0, 0, values["xcr0"]).ljust(392, b"\0")
            fcntl.ioctl(self.vm.vcpus[vcpu], KVM_SET_XCRS, xcrs)

    def entry(self, vcpu, leaf, subleaf):
        for entry in kvm.get_cpuid2(self.vm.vcpus[vcpu]):
            if entry.leaf == leaf and (not entry.flags & kvm.SIGNIFICANT_INDEX or entry.subleaf == subleaf):
                return list(entry)
        return None

    def change_entry(self, vcpu, leaf, subleaf, bits):
        entries = kvm.get_cpuid2(self.vm.vcpus[vcpu])
        for position, entry in enumerate(entries):
            if entry.leaf == leaf and (not entry.flags & kvm.SIGNIFICANT_INDEX or entry.subleaf == subleaf):
                flipped = {name: getattr(entry, name) ^ mask for name, mask in bits.items()}
                entries[position] = entry._replace(**flipped)
        kvm.set_cpuid2(self.vm.vcpus[vcpu], entries)

    def start(self, vcpu, code):
        if self.memory is None:
            self.memory = mmap.mmap(-1, mmap.PAGESIZE)
            address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
            region = struct.pack("<IIQQQ", 0, 0, CODE_AT, mmap.PAGESIZE, address)
            fcntl.ioctl(self.vm.fd, kvm.KVM_SET_USER_MEMORY_REGION, region)
        start = 64 * vcpu
        self.memory[start : start + len(code)] = bytes(code)
        fd = self.vm.vcpus[vcpu]
        sregs = bytearray(312)
        fcntl.ioctl(fd, KVM_GET_SREGS, sregs, True)
        struct.pack_into("<Q", sregs, 0, 0)  # cs.base
        struct.pack_into("<H", sregs, 12, 0)  # cs.selector
        fcntl.ioctl(fd, KVM_SET_SREGS, bytes(sregs))
        registers = [0] * 18
        registers[16], registers[17] = CODE_AT + start, 2  # rip, rflags: interrupts are off
        fcntl.ioctl(fd, kvm.KVM_SET_REGS, struct.pack("<18Q", *registers))
        fcntl.ioctl(fd, kvm.KVM_SET_MP_STATE, struct.pack("<I", kvm.MP_STATE_RUNNABLE))
        threading.Thread(target=self.run, args=(vcpu,), daemon=True).start()

    def run(self, vcpu):
        while True:
            try:
                fcntl.ioctl(self.vm.vcpus[vcpu], kvm.KVM_RUN, 0)
            except InterruptedError:
                continue
            self.counts[vcpu] += 1

    def exits(self, vcpu):
        return self.counts[vcpu]

    def page(self, vcpu):
        with mmap.mmap(self.vm.vcpus[vcpu], 4096) as page:
            valid, dirty = struct.unpack_from("<QQ", page, VALID_REGS_AT)
            return valid, dirty, list(page[SREGS_AT : SREGS_AT + 312])


# struct kvm_run: the exit's union ends at 288, then kvm_valid_regs, kvm_dirty_regs, and s.regs: struct kvm_regs of 144
# bytes, then struct kvm_sregs.
VALID_REGS_AT = 288
SREGS_AT = 304 + 144
