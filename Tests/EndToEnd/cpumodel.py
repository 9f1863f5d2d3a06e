# SPDX-License-Identifier: Apache-2.0
"""A complete client of cpumodeld in one file, with nothing but the standard library.

Written from the two pages that are the contract, Protocol.md and JobFormat.md: a client in
another language needs no more than what is done here. It is meant to be read, and to be copied.

    with Connection("/run/cpumodeld/cpumodeld.sock") as daemon:
        result = daemon.call("vm.apply", {"name": "web-1", "model": "host"}, fds=vcpus)
        print(result["verdict"], result["stamp"])
"""

import array
import fcntl
import json
import mmap
import os
import socket
import struct
import time

DEFAULT_PATH = "/run/cpumodeld/cpumodeld.sock"
FDS_PER_MESSAGE = 253  # SCM_MAX_FD of Linux
METHOD_NOT_FOUND = -32601
JOB_REFUSED = -32090


class RPCError(Exception):
    """The error member of a JSON-RPC response."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}
        self.kind = self.data.get("kind")


class ConnectionClosed(Exception):
    """The daemon closed the connection."""


class JobRefused(Exception):
    """The job is not one that JobFormat.md allows; no step of it has been executed."""


# ---- the connection ------------------------------------------------------------------------


class Connection:
    """One connection. `timeout` bounds every wait for the daemon, in seconds."""

    def __init__(self, path=None, timeout=30.0):
        self.timeout = timeout
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._buffer = b""
        self._queue = []  # descriptors that no message has claimed yet
        self._answers = {}  # responses to other calls than the one being waited for
        self._last_id = 0
        try:
            self.socket.connect(path or os.environ.get("CPUMODELD_SOCKET") or DEFAULT_PATH)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        close_all(self._queue)

    def call(self, method, params=None, fds=()):
        """The result of `method`, or RPCError. Whatever the daemon asks meanwhile is answered."""
        return self.wait(self.start(method, params, fds))

    def start(self, method, params=None, fds=()):
        """Sends a request without waiting for its answer; returns its id."""
        self._last_id += 1
        params = dict(params or {})
        if fds:
            params["fds"] = len(fds)
        self.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}, fds)
        return self._last_id

    def wait(self, request_id):
        while request_id not in self._answers:
            message, fds = self.receive()
            if isinstance(message, dict) and "method" in message:
                self.serve(message, fds)
            elif message.get("id") is None:  # a fault of the connection, not of one request
                raise RPCError(message["error"])
            else:
                self._answers[message["id"]] = message
        answer = self._answers.pop(request_id)
        if "error" in answer:
            raise RPCError(answer["error"])
        return answer["result"]

    def send(self, message, fds=()):
        self.send_bytes(json.dumps(message).encode() + b"\n", fds)

    def send_bytes(self, data, fds=()):
        """Sends one line, the descriptors on its first bytes: 253 on each but the last."""
        self.socket.settimeout(self.timeout)
        fds = list(fds)
        while fds:
            batch, fds = fds[:FDS_PER_MESSAGE], fds[FDS_PER_MESSAGE:]
            piece = data[:1] if fds else data
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", batch))
            data = data[self.socket.sendmsg([piece], [rights]) :]
        self.socket.sendall(data)

    def receive(self, timeout=None):
        """The next message and the descriptors that it declares; the caller owns those."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        line = b""
        while not line:
            while b"\n" not in self._buffer:
                self._fill(deadline)
            line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line, object_pairs_hook=_object, parse_constant=_no_constant)
        count = 0
        if isinstance(message, dict) and "method" in message:
            count = message.get("params", {}).get("fds", 0)
        if count > len(self._queue):
            raise ConnectionClosed(f"the daemon declared {count} descriptors and sent {len(self._queue)}")
        fds, self._queue = self._queue[:count], self._queue[count:]
        return message, fds

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the daemon did not answer in time")
        self.socket.settimeout(left)
        space = socket.CMSG_SPACE(FDS_PER_MESSAGE * array.array("i").itemsize)
        try:
            data, ancillary, flags, _ = self.socket.recvmsg(65536, space, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # it closed without reading all we had sent
            raise ConnectionClosed("the daemon closed the connection") from None
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                self._queue.extend(fds)
        if flags & socket.MSG_CTRUNC:
            close_all(self._queue)
            raise ConnectionClosed("the kernel dropped descriptors: too many open files here")
        if not data:
            raise ConnectionClosed("the daemon closed the connection")
        self._buffer += data

    def serve(self, request, fds):
        """Answers a request of the daemon's, and closes the descriptors that came with it."""
        answer = {"jsonrpc": "2.0", "id": request.get("id")}
        try:
            if request["method"] == "owner.execute":
                answer["result"] = {"executed": self.execute(request["params"], fds)}
            else:
                answer["error"] = {"code": METHOD_NOT_FOUND, "message": f"there is no method {request['method']} here"}
        except JobRefused as refusal:
            answer["error"] = {"code": JOB_REFUSED, "message": str(refusal)}
        finally:
            close_all(fds)
        if "id" in request:
            self.send(answer)

    def execute(self, params, fds):
        """owner.execute: runs the job and returns the number of executed steps."""
        if params.get("version") != JOB_VERSION:
            raise JobRefused(f"the job is of version {params.get('version')}, this client runs version {JOB_VERSION}")
        if not fds:
            raise JobRefused("the job's memory file is missing")
        return run_job(fds[0], fds[1:])


def close_all(fds):
    while fds:
        os.close(fds.pop())


def _object(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(text):
    raise ValueError(f"{text} is not JSON")


# ---- the executor of jobs ------------------------------------------------------------------

JOB_VERSION = 1
HEADER = struct.Struct("<8sIIIIIIQQI12x")
STEP = struct.Struct("<IIIiQQ16x")
EXECUTED_OFFSET, RESULT_OFFSET = 48, 12
STOP_ON_ERROR = 1
NOT_EXECUTED = -(2**31)

# request: (smallest argument, bytes an element, most elements); no elements in a structure of fixed size
IOCTLS = {
    0x4008AE90: (8, 40, 256),  # KVM_SET_CPUID2
    0xC008AE91: (8, 40, 256),  # KVM_GET_CPUID2
    0x4008AE89: (8, 16, 255),  # KVM_SET_MSRS
    0xC008AE88: (8, 16, 255),  # KVM_GET_MSRS
    0x8138AE83: (312, 0, 0),  # KVM_GET_SREGS
    0x8140AECC: (320, 0, 0),  # KVM_GET_SREGS2
    0x8188AEA6: (392, 0, 0),  # KVM_GET_XCRS
    0x4068AEA3: (104, 0, 0),  # KVM_ENABLE_CAP
}
KVM_ENABLE_CAP = 0x4068AEA3
KVM_CAP_ENFORCE_PV_FEATURE_CPUID = 190


def run_job(memfd, vcpus):
    """Runs the job in `memfd` on `vcpus`, all of it or, by raising JobRefused, none of it."""
    size = os.fstat(memfd).st_size
    if size < HEADER.size:
        raise JobRefused(f"the job has {size} bytes, its header alone has {HEADER.size}")
    with mmap.mmap(memfd, size, mmap.MAP_SHARED) as job, memoryview(job) as view:
        steps = check_job(view, len(vcpus))
        executed = 0
        for number, (request, vcpu, flags, start, length) in enumerate(steps):
            with view[start : start + length] as argument:
                result = run_step(vcpus[vcpu], request, argument)
            struct.pack_into("<i", view, HEADER.size + STEP.size * number + RESULT_OFFSET, result)
            executed = number + 1
            struct.pack_into("<I", view, EXECUTED_OFFSET, executed)
            if result < 0 and flags & STOP_ON_ERROR:
                break
        return executed


def run_step(vcpu, request, argument):
    while True:
        try:
            return fcntl.ioctl(vcpu, request, argument, True)
        except (InterruptedError, BlockingIOError):
            continue
        except OSError as error:
            return -error.errno


def check_job(view, vcpu_count):
    """Step 1 of JobFormat.md: the steps as (request, vcpu, flags, argument offset, argument size)."""

    def need(condition, text):
        if not condition:
            raise JobRefused(text)

    magic, version, header_size, steps, step_size, vcpus, _, total, data, _ = HEADER.unpack_from(view)
    need(magic == b"CPUMJOB1", "the file does not begin with CPUMJOB1")
    need(version == JOB_VERSION, f"the job is of version {version}, this client runs version {JOB_VERSION}")
    need((header_size, step_size) == (HEADER.size, STEP.size), "header or steps have not the size of version 1")
    need(total == len(view), f"the job says it has {total} bytes, the file has {len(view)}")
    need(vcpus == vcpu_count, f"the job wants {vcpus} vCPU descriptors, {vcpu_count} came")
    need(steps >= 1, "the job has no step")
    need(data % 8 == 0 and HEADER.size + STEP.size * steps <= data <= total, "the argument area is out of place")
    result = []
    for number in range(steps):
        request, vcpu, flags, _, start, length = STEP.unpack_from(view, HEADER.size + STEP.size * number)
        here = f"step {number}"
        need(request in IOCTLS, f"{here}: ioctl {request:#x} is not allowed in a job")
        need(vcpu < vcpu_count, f"{here}: there is no vCPU {vcpu}")
        need(flags & ~STOP_ON_ERROR == 0, f"{here}: unknown flags {flags:#x}")
        need(start % 8 == 0 and data <= start and start + length <= total, f"{here}: the argument is out of place")
        smallest, element, most = IOCTLS[request]
        need(length >= smallest, f"{here}: {length} bytes are too few for the argument")
        count = struct.unpack_from("<I", view, start)[0]
        if element:
            need(count <= most and length >= smallest + element * count, f"{here}: {count} elements do not fit")
        if request == KVM_ENABLE_CAP:
            need(count == KVM_CAP_ENFORCE_PV_FEATURE_CPUID, f"{here}: capability {count} is not allowed in a job")
        result.append((request, vcpu, flags, start, length))
    return result
