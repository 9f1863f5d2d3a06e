#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A launcher that knows nothing of owner.execute: it sends vm.apply, reads one line, and takes that for its answer.

    plain.py SITUATION SOCKET [JSON]

JSON has more parameters for vm.apply. What it says at its end is for test_inject. One that is not there any more, or
that finds itself other than it was, says nothing.
"""

import array
import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

import kvm

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
KILL_PROCESS, TRAP, ERRNO_EPERM, ALLOW = 0x80000000, 0x00030000, 0x00050001, 0x7FFF0000
SYS_MUNMAP, SYS_IOCTL = 11, 16


def ask(path, vm, daemon=None, **params):
    """The ten lines."""
    if daemon is None:
        daemon = socket.socket(socket.AF_UNIX)
        daemon.connect(path)
    params = {"fds": len(vm.vcpus), "name": f"plain-{os.getpid()}", "model": "host", "altered": "accept", **params}
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "vm.apply", "params": params}).encode() + b"\n"
    daemon.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", vm.vcpus))])
    return json.loads(daemon.makefile().readline())


# ---- situations ----------------------------------------------------------------------------


def plain(path, **params):
    vm = kvm.VM(4)
    return {"answer": ask(path, vm, **params), "tables": vm.tables()}


def busy(path, **params):
    """No thread is in a system call for long: the answer is waited for by looking."""
    vm = kvm.VM(1)
    stop = threading.Event()
    spinner = threading.Thread(target=lambda: [sum(range(100)) for _ in iter(stop.is_set, True)])
    spinner.start()
    answer = ask(path, vm, **params)
    stop.set()
    spinner.join()
    return {"answer": answer, "tables": vm.tables()}


def threads(path, **params):
    """Threads that wait in several ways; none of them may notice."""
    vm = kvm.VM(2)
    reader, writer = os.pipe()
    gate, ended, faults = threading.Event(), [], []

    def checked(work):
        def run():
            ctypes.set_errno(0)
            if not work():
                faults.append(work.__name__)
            ended.append(work.__name__)

        return run

    # By libc's own functions: Python's would call again for EINTR.
    buffer = ctypes.create_string_buffer(8)

    def in_read():
        return LIBC.read(reader, buffer, 1) == 1 and buffer.raw[:1] == b"x"

    def in_nanosleep():
        return LIBC.nanosleep(struct.pack("qq", 1, 0), None) == 0

    def in_poll():
        return LIBC.poll(None, 0, 1000) == 0

    def in_epoll():
        epoll = select.epoll()
        return LIBC.epoll_wait(epoll.fileno(), ctypes.create_string_buffer(64), 1, 1000) == 0

    def in_futex():
        return gate.wait()

    works = [in_read, in_nanosleep, in_poll, in_epoll, in_futex]
    running = [threading.Thread(target=checked(work)) for work in works]
    for thread in running:
        thread.start()
    wait_until_asleep(len(works))
    answer = ask(path, vm, **params)
    early = [name for name in ended if name in ("in_read", "in_futex")]
    os.write(writer, b"x")
    gate.set()
    for thread in running:
        thread.join()
    return {"answer": answer, "tables": vm.tables(), "faults": faults, "early": early}


def in_kvm_run(path, **params):
    """The second vCPU waits in KVM_RUN to be started by the first: it has not run yet, and holds its mutex."""
    vm = kvm.VM(2)
    results = []

    def run():
        ctypes.set_errno(0)
        results.append((LIBC.ioctl(vm.vcpus[1], kvm.KVM_RUN, 0), ctypes.get_errno()))

    threading.Thread(target=run, daemon=True).start()
    wait_until_asleep(1)
    answer = ask(path, vm, **params)
    wait_until_asleep(1)
    return {"answer": answer, "returned": results}


def has_run(path, **params):
    """A vCPU that has run: KVM takes no other table any more."""
    vm = kvm.VM(1)
    kvm.set_cpuid2(vm.vcpus[0], kvm.supported_cpuid()[:3])
    vm.run()
    before = vm.tables()
    return {"answer": ask(path, vm, **params), "same": vm.tables() == before}


def filtered(action, request, number=SYS_IOCTL):
    def situation(path, **params):
        vm = kvm.VM(1)
        before = vm.tables()
        install_filter(ALLOW, None)
        install_filter(action, request, number)
        answer = ask(path, vm, **params)
        # KVM_GET_CPUID2 is one that the filter of KVM_SET_CPUID2 lets pass.
        same = (request is not None or number != SYS_IOCTL) and vm.tables() == before
        return {"answer": answer, "same": same}

    return situation


def one_filtered(path, **params):
    """One thread under a filter that kills, beside one without."""
    vm = kvm.VM(1)
    stop = threading.Event()

    def run():
        install_filter(KILL_PROCESS, None)
        stop.wait()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until_asleep(1)
    answer = ask(path, vm, **params)
    stop.set()
    thread.join()
    return {"answer": answer, "tables": vm.tables()}


def honest(path, **params):
    """Knows that it does not know: it answers owner.execute with the error of JSON-RPC."""
    import cpumodel

    class Client(cpumodel.Connection):
        def serve(self, request, fds):
            cpumodel.close_all(fds)
            error = {"code": cpumodel.METHOD_NOT_FOUND, "message": "there is no such method here"}
            self.send({"jsonrpc": "2.0", "id": request["id"], "error": error})

    vm = kvm.VM(2)
    params = {"name": f"plain-{os.getpid()}", "model": "host", "altered": "accept", **params}
    with Client(path) as client:
        try:
            answer = {"result": client.call("vm.apply", params, vm.vcpus)}
        except cpumodel.RPCError as error:
            answer = {"error": {"code": error.code, "message": error.message, "data": error.data}}
    return {"answer": answer, "tables": vm.tables()}


def many(path, **params):
    """The same again and again."""
    vm = kvm.VM(2)
    return {"answers": [ask(path, vm, replace=True, **params) for _ in range(20)], "tables": vm.tables()}


def stopped(path, **params):
    """Stopped as a whole (SIGSTOP) all the while: another process, which has its connection, asks in its name."""
    vm = kvm.VM(2)
    daemon = socket.socket(socket.AF_UNIX)
    daemon.connect(path)
    reader, writer = os.pipe()
    owner = os.getpid()
    if os.fork() == 0:
        os.kill(owner, signal.SIGSTOP)
        wait_for_state(owner, "T")
        said = {"answer": ask(path, vm, daemon, **params)}
        wait_for_state(owner, "T")
        os.write(writer, json.dumps(said).encode())
        os.kill(owner, signal.SIGCONT)
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        said = json.loads(file.read())
    os.wait()
    return {**said, "tables": vm.tables()}


def foreign(path, **params):
    """vCPUs of another process: the descriptors are here, the VM is not."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        vm = kvm.VM(1)
        socket.send_fds(theirs, [b"x"], vm.vcpus)
        theirs.recv(1)
        os._exit(0)
    _, fds, _, _ = socket.recv_fds(ours, 1, 4)

    class Borrowed:
        vcpus = fds

    answer = ask(path, Borrowed, **params)
    ours.send(b"x")
    os.wait()
    return {"answer": answer}


# ---- tools ---------------------------------------------------------------------------------


def state(pid, tid):
    with open(f"/proc/{pid}/task/{tid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to that")
        time.sleep(0.01)


def wait_for_state(pid, wanted):
    wait_until(lambda: state(pid, pid) == wanted)


def wait_until_asleep(count):
    """Waits until that many other threads are in a system call that waits."""
    own = os.getpid()
    wait_until(lambda: sum(int(tid) != own and state(own, tid) == "S" for tid in os.listdir("/proc/self/task")) >= count)


def install_filter(action, request, number=SYS_IOCTL):
    """`action` for an ioctl, of this request or of any, or for another call; all else is allowed."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 3 if request else 1, number)]
    if request:
        code += [(0x20, 0, 0, 24), (0x15, 0, 1, request)]
    code += [(0x06, 0, 0, action), (0x06, 0, 0, ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
    head = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(program))
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head):
        raise OSError(ctypes.get_errno(), "no seccomp filter can be installed")


SITUATIONS = {
    **{each.__name__: each for each in (plain, busy, threads, in_kvm_run, has_run, one_filtered, honest, many, stopped, foreign)},
    "filter_allows": filtered(ALLOW, None),
    "filter_fails": filtered(ERRNO_EPERM, kvm.KVM_SET_CPUID2),
    "filter_traps": filtered(TRAP, kvm.KVM_SET_CPUID2),
    "filter_traps_all": filtered(TRAP, None),
    "filter_kills": filtered(KILL_PROCESS, None),
    "filter_kills_the_ioctl": filtered(KILL_PROCESS, kvm.KVM_SET_CPUID2),
    "filter_kills_munmap": filtered(KILL_PROCESS, None, SYS_MUNMAP),
}


if __name__ == "__main__":
    said = SITUATIONS[sys.argv[1]](sys.argv[2], **json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}"))
    # Without an ioctl of its own, which open() and print() make: a filter may be in force.
    status = os.open("/proc/self/status", os.O_RDONLY)
    lines = dict(line.split(":", 1) for line in os.read(status, 65536).decode().splitlines() if ":" in line)
    said["pending"] = [lines[name].strip() for name in ("SigPnd", "ShdPnd", "SigBlk")]
    said["tracer"] = int(lines["TracerPid"])
    os.write(1, json.dumps(said).encode() + b"\n")
    os._exit(0)
