# SPDX-License-Identifier: Apache-2.0
"""A virtual machine by plain ioctls on /dev/kvm: what a test needs of a VMM, and no more."""

import ctypes
import fcntl
import mmap
import os
import struct
from collections import namedtuple

KVM_CREATE_VM = 0xAE01
KVM_CHECK_EXTENSION = 0xAE03
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_GET_SUPPORTED_CPUID = 0xC008AE05
KVM_CREATE_VCPU = 0xAE41
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_CREATE_IRQCHIP = 0xAE60
KVM_RUN = 0xAE80
KVM_SET_REGS = 0x4090AE82
KVM_GET_SREGS = 0x8138AE83
KVM_SET_SREGS = 0x4138AE84
KVM_SET_CPUID2 = 0x4008AE90
KVM_GET_CPUID2 = 0xC008AE91
KVM_SET_MP_STATE = 0x4004AE99

KVM_CAP_MAX_VCPUS = 66
KVM_EXIT_IO = 2
MP_STATE_RUNNABLE = 0
EXIT_REASON_OFFSET = 8  # in struct kvm_run
CR4_OFFSET, CR4_OSXSAVE = 248, 1 << 18  # in struct kvm_sregs

MOST_ENTRIES = 256
HEADER, ENTRY = struct.Struct("<II"), struct.Struct("<7I12x")

Entry = namedtuple("Entry", "leaf subleaf flags eax ebx ecx edx")
SIGNIFICANT_INDEX = 1
GUEST_PORT = 0x42


def why_unusable():
    """Why no VM can be made here, in words; None when it can."""
    try:
        with open("/dev/kvm", "rb+", buffering=0) as device:
            os.close(fcntl.ioctl(device, KVM_CREATE_VM, 0))
    except OSError as error:
        return f"/dev/kvm cannot be used here: {error.strerror}"
    return None


def check_extension(capability):
    with open("/dev/kvm", "rb+", buffering=0) as device:
        return fcntl.ioctl(device, KVM_CHECK_EXTENSION, capability)


# ---- tables --------------------------------------------------------------------------------


def pack_table(entries):
    table = bytearray(HEADER.pack(len(entries), 0))
    for entry in entries:
        table += ENTRY.pack(*entry)
    return table


def unpack_table(table, count=None):
    count = HEADER.unpack_from(table)[0] if count is None else count
    return [Entry(*ENTRY.unpack_from(table, HEADER.size + ENTRY.size * i)) for i in range(count)]


def to_json(table):
    """A table as the protocol writes it."""
    entries = []
    for entry in table:
        members = {"leaf": hex(entry.leaf)}
        if entry.flags & SIGNIFICANT_INDEX:
            members["subleaf"] = hex(entry.subleaf)
        entries.append(members | {register: hex(getattr(entry, register)) for register in Entry._fields[3:]})
    return entries


def from_json(table):
    """A table that the protocol wrote."""
    return [
        Entry(
            int(each["leaf"], 16), int(each.get("subleaf", "0"), 16), SIGNIFICANT_INDEX if "subleaf" in each else 0,
            *(int(each[register], 16) for register in Entry._fields[3:]),
        )
        for each in table
    ]  # fmt: skip


def _read(fd, request, room):
    table = bytearray(HEADER.size + ENTRY.size * MOST_ENTRIES)
    HEADER.pack_into(table, 0, room, 0)
    fcntl.ioctl(fd, request, table, True)
    return table


def supported_cpuid():
    with open("/dev/kvm", "rb+", buffering=0) as device:
        return unpack_table(_read(device, KVM_GET_SUPPORTED_CPUID, MOST_ENTRIES))


def get_cpuid2(vcpu):
    """The table of the vCPU.

    Kernels before 6.12 leave `nent` as the caller gave it; there the least room that is
    enough is the number of entries.
    """
    table = _read(vcpu, KVM_GET_CPUID2, MOST_ENTRIES)
    if HEADER.unpack_from(table)[0] < MOST_ENTRIES:
        return unpack_table(table)
    low, high = 0, MOST_ENTRIES
    while low < high:
        middle = (low + high) // 2
        try:
            _read(vcpu, KVM_GET_CPUID2, middle)
            high = middle
        except OSError:
            low = middle + 1
    return unpack_table(table, low)


def set_cpuid2(vcpu, entries):
    fcntl.ioctl(vcpu, KVM_SET_CPUID2, pack_table(entries), True)


# ---- machines ------------------------------------------------------------------------------


class VM:
    """A VM whose vCPU ids are 0, 1, 2, ... or those of `ids`; with an in-kernel local APIC.

    Leaving a `with` block closes every descriptor, and with the last of them the VM goes.
    """

    def __init__(self, vcpus=1, ids=None, irqchip=True):
        self._device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        self.fd = fcntl.ioctl(self._device, KVM_CREATE_VM, 0)
        if irqchip:
            fcntl.ioctl(self.fd, KVM_CREATE_IRQCHIP, 0)
        self.ids = list(range(vcpus)) if ids is None else list(ids)
        self.vcpus = [fcntl.ioctl(self.fd, KVM_CREATE_VCPU, i) for i in self.ids]
        self._memory = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for fd in (*self.vcpus, self.fd, self._device):
            os.close(fd)
        self.vcpus = []

    def tables(self):
        return [get_cpuid2(vcpu) for vcpu in self.vcpus]

    def set_osxsave(self, index=0):
        """Sets CR4.OSXSAVE, as a VMM does that restores a guest's registers; False where KVM does not take it.

        KVM holds CR4 against the table, so a table with XSAVE comes first.
        """
        vcpu = self.vcpus[index]
        set_cpuid2(vcpu, [entry for entry in supported_cpuid() if entry.leaf < 0x40000000])
        sregs = bytearray(312)
        fcntl.ioctl(vcpu, KVM_GET_SREGS, sregs, True)
        struct.pack_into("<Q", sregs, CR4_OFFSET, struct.unpack_from("<Q", sregs, CR4_OFFSET)[0] | CR4_OSXSAVE)
        try:
            fcntl.ioctl(vcpu, KVM_SET_SREGS, bytes(sregs))
        except OSError:
            return False
        return True

    def run(self, index=0):
        """Lets a vCPU run two instructions of real-mode code, so that KVM freezes its table."""
        if self._memory is None:
            self._memory = mmap.mmap(-1, mmap.PAGESIZE)
            self._memory[:3] = bytes((0xE6, GUEST_PORT, 0xF4))  # out GUEST_PORT, al; hlt
            address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
            region = struct.pack("<IIQQQ", 0, 0, 0x1000, mmap.PAGESIZE, address)
            fcntl.ioctl(self.fd, KVM_SET_USER_MEMORY_REGION, region)
        vcpu = self.vcpus[index]
        sregs = bytearray(312)
        fcntl.ioctl(vcpu, KVM_GET_SREGS, sregs, True)
        struct.pack_into("<Q", sregs, 0, 0)  # cs.base
        struct.pack_into("<H", sregs, 12, 0)  # cs.selector
        fcntl.ioctl(vcpu, KVM_SET_SREGS, bytes(sregs))
        registers = [0] * 18
        registers[16], registers[17] = 0x1000, 2  # rip, rflags
        fcntl.ioctl(vcpu, KVM_SET_REGS, struct.pack("<18Q", *registers))
        # With an in-kernel APIC every vCPU but the first would sleep until a startup interrupt.
        fcntl.ioctl(vcpu, KVM_SET_MP_STATE, struct.pack("<I", MP_STATE_RUNNABLE))
        size = fcntl.ioctl(self._device, KVM_GET_VCPU_MMAP_SIZE, 0)
        with mmap.mmap(vcpu, size) as page:
            fcntl.ioctl(vcpu, KVM_RUN, 0)
            reason = struct.unpack_from("<I", page, EXIT_REASON_OFFSET)[0]
        if reason != KVM_EXIT_IO:
            raise RuntimeError(f"the guest did not reach its port: exit reason {reason}")
