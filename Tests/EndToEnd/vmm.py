#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A VMM that knows nothing of cpumodeld: it makes VMs and sets tables of its own by plain ioctls.

Each command prints one JSON object on its last line. It is run through cpumodel-exec by test_exec.
"""

import ctypes
import errno
import json
import os
import struct
import sys
import threading

import kvm

KVM_SET_MSRS = 0x4008AE89
# By libc's own function, which any number of threads can be in at one time.
IOCTL = ctypes.CDLL(None, use_errno=True).ioctl
IOCTL.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)


def ioctl(fd, request, argument):
    """What it returned, and errno before and after."""
    buffer = ctypes.create_string_buffer(bytes(argument), len(argument))
    ctypes.set_errno(errno.ENOTTY)
    result = IOCTL(fd, request, ctypes.addressof(buffer))
    return result, ctypes.get_errno()


def own_table(apic_id):
    table = [entry for entry in kvm.supported_cpuid() if entry.leaf < 0x40000000 and entry.leaf not in (0xB, 0x1F)]
    leaf1 = next(entry for entry in table if entry.leaf == 1)
    table[table.index(leaf1)] = leaf1._replace(ebx=leaf1.ebx & 0xFFFFFF | apic_id << 24)
    return table


def set_cpuid(vcpu, apic_id):
    return ioctl(vcpu, kvm.KVM_SET_CPUID2, kvm.pack_table(own_table(apic_id)))


def descriptors():
    return sorted(os.listdir("/proc/self/fd"))


def threads(count):
    """Every vCPU in a thread of its own, all at once."""
    vm = kvm.VM(int(count))
    results, gate = [None] * len(vm.vcpus), threading.Barrier(len(vm.vcpus))

    def start(index):
        gate.wait()
        results[index] = set_cpuid(vm.vcpus[index], index)

    before = descriptors()
    running = [threading.Thread(target=start, args=(index,)) for index in range(len(vm.vcpus))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    kvm_own = [ioctl(vm.vcpus[0], kvm.KVM_SET_CPUID2, struct.pack("<II", 257, 0))]
    return {
        "results": results, "too_many": kvm_own, "tables": vm.tables(), "descriptors": [before, descriptors()],
    }  # fmt: skip


def machines():
    """Two VMs at one time, then a third in the place of the first."""
    first, second = kvm.VM(1), kvm.VM(2)
    results = [set_cpuid(first.vcpus[0], 0), set_cpuid(second.vcpus[0], 0), set_cpuid(second.vcpus[1], 1)]
    first.close()
    third = kvm.VM(2)
    results += [set_cpuid(third.vcpus[0], 0), set_cpuid(third.vcpus[1], 1)]
    wait()
    return {"results": results}


def fork():
    """A child that makes the VM, of a parent that has one already and is setting its table at that time."""
    parent = kvm.VM(1)
    stop = threading.Event()

    def keep_setting():
        while not stop.is_set():
            set_cpuid(parent.vcpus[0], 0)

    thread = threading.Thread(target=keep_setting)
    thread.start()
    statuses = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            vm = kvm.VM(1)
            os._exit(0 if set_cpuid(vm.vcpus[0], 0)[0] == 0 else 1)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    thread.join()
    return {"statuses": statuses}


def msrs():
    """Feature MSRs that the model has not, between others, as VMMs write them."""
    vm = kvm.VM(1)
    before = set_cpuid(vm.vcpus[0], 0)
    entries = [(0x174, 0x10), (0x10A, 0xFFFF_FFFF_FFFF_FFFF), (0x175, 0x20), (0x480, 1), (0x4000_0FFF, 1)]
    packed = struct.pack("<II", len(entries), 0) + b"".join(struct.pack("<IIQ", index, 0, value) for index, value in entries)
    alone = struct.pack("<IIIIQ", 1, 0, 0x10A, 0, 1)
    return {
        "results": [before], "all": ioctl(vm.vcpus[0], KVM_SET_MSRS, packed),
        "alone": ioctl(vm.vcpus[0], KVM_SET_MSRS, alone),
    }  # fmt: skip


def later():
    """Sets a table when it is told to."""
    vm = kvm.VM(1)
    wait()
    result = set_cpuid(vm.vcpus[0], 0)
    return {"results": [result], "tables": vm.tables(), "own": [own_table(0)]}


def wait():
    print("ready", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    command = {each.__name__: each for each in (threads, machines, fork, msrs, later)}[sys.argv[1]]
    print(json.dumps(command(*sys.argv[2:])), flush=True)
