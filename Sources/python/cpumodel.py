# SPDX-License-Identifier: Apache-2.0
"""A client of cpumodeld in one file, with nothing but the standard library.

    import cpumodel

    with cpumodel.Connection() as daemon:
        result = daemon.apply(vcpus, name="web-1", model="EPYC-Milan-v2,-svm", topology={"cores": 2, "threads": 2})
        print(result["verdict"], result["stamp"])

`vcpus` are the descriptors that KVM_CREATE_VCPU gave to this process, all of a VM, in topology order, before the first
KVM_RUN. KVM takes a vCPU's ioctls from no other process: so the daemon computes, and sends a job back, a short list of
ioctls, which apply() checks and runs while it waits. With an Agent the daemon can also read the vCPUs later:

    agent = cpumodel.Agent(result, vcpus)

It is written from the two pages that are the contract, Protocol.md and JobFormat.md, and is the reference for clients in other
languages: they need no more than what is done here.
"""

import array
import ctypes
import errno
import fcntl
import json
import mmap
import os
import socket
import struct
import threading
import time

__version__ = "0.1.0"
__all__ = ["Agent", "Connection", "ConnectionClosed", "JobRefused", "RPCError", "run_job"]

DEFAULT_PATH = "/run/cpumodeld/cpumodeld.sock"
FDS_PER_MESSAGE = 253  # SCM_MAX_FD of Linux
METHOD_NOT_FOUND = -32601
JOB_REFUSED = -32090


class RPCError(Exception):
    """The daemon's error: `code`, `message` for a person, `kind` and `data` for a program (Protocol.md, "Errors")."""

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
    """One connection, to `path`, $CPUMODELD_SOCKET or the usual socket; for one thread at a time.

    `timeout` bounds every wait for the daemon, in seconds. Used as a context manager it closes itself.
    """

    def __init__(self, path=None, timeout=30.0):
        self.timeout = timeout
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._buffer = b""
        self._queue = []  # descriptors that no message has claimed yet
        self._answers = {}  # responses to other calls than the one being waited for
        self._last_id = 0
        self._sending = threading.Lock()
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
        """Ends the connection. The VMs that it registered stay registered for as long as this process lives."""
        self.socket.close()
        close_all(self._queue)

    # What launchers do:

    def apply(self, vcpus, *, name, model, **parameters):
        """Gives the vCPUs a model and reads back what KVM took: the result of `vm.apply`, with more of its parameters."""
        return self.call("vm.apply", {"name": name, "model": model, **parameters}, vcpus)

    def compute(self, model, **parameters):
        """What apply() would set, for a VMM that does it itself: the result of `table.compute`."""
        return self.call("table.compute", {"model": model, **parameters})

    def detach(self, result):
        """Has the daemon let go of the VM of a result of apply(), and close the vCPU descriptors that it holds.

        For a process that destroys a VM and lives on. It is no error when the daemon has let go of it before.
        """
        try:
            self.call("vm.forget", {"vm": result["vm"], "requestId": result["requestId"]})
        except RPCError as error:
            if error.kind not in ("unknownVM", "nameInUse"):
                raise

    # What all of them are made of:

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
        """The result of a request that was started, or RPCError."""
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
        """Sends one message with its descriptors."""
        self.send_bytes(json.dumps(message).encode() + b"\n", fds)

    def send_bytes(self, data, fds=()):
        """Sends one line, the descriptors on its first bytes: 253 on each but the last."""
        fds = list(fds)
        with self._sending:
            self.socket.settimeout(self.timeout)
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
    """Closes descriptors, and empties their list."""
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

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

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
    try:
        seals = fcntl.fcntl(memfd, fcntl.F_GET_SEALS)
    except OSError:
        seals = 0
    # Without them the file could be cut short under the mapping.
    if seals & SEALS != SEALS:
        raise JobRefused("the job is not in a sealed memfd")
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


_LIBC = ctypes.CDLL(None, use_errno=True)


def run_step(vcpu, request, argument):
    """Makes one ioctl, in place: what it returned, or minus the errno.

    By libc's own function: fcntl.ioctl() keeps Python's other threads waiting, and a vCPU may be long in coming.
    """
    buffer = (ctypes.c_char * len(argument)).from_buffer(argument)
    while True:
        value = _LIBC.ioctl(vcpu, ctypes.c_ulong(request), buffer)
        if value >= 0 or ctypes.get_errno() not in (errno.EINTR, errno.EAGAIN):
            return value if value >= 0 else -ctypes.get_errno()


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


# ---- the agent -----------------------------------------------------------------------------


class Agent:
    """Lets the daemon read the vCPUs of a VM at any time, from threads of its own (Protocol.md, "The agent").

    `result` is what apply() returned for the vCPUs. A daemon that is restarted is connected to again. An agent reads, and
    changes nothing: it refuses any other job.
    """

    FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0

    def __init__(self, result, vcpus, path=None):
        self._parameters = {"vm": result["vm"], "requestId": result["requestId"]}
        self._path = path
        self._vcpus = [fcntl.fcntl(vcpu, fcntl.F_DUPFD_CLOEXEC, 0) for vcpu in vcpus]
        self._attached, self._ended = threading.Event(), threading.Event()
        self._connection = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def wait(self, timeout=None):
        """Waits until the daemon can read the vCPUs; whether it can."""
        return self._attached.wait(timeout)

    def close(self):
        """Ends the agent, which lets go of the vCPUs."""
        with self._lock:
            self._ended.set()
            if self._connection:
                self._connection.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        close_all(self._vcpus)

    def _live(self):
        pause = self.FIRST_PAUSE
        while not self._ended.is_set():
            try:
                with _AgentConnection(self._path) as connection:
                    self._serve(connection)
            except (OSError, ConnectionClosed, RPCError):
                pause = self.FIRST_PAUSE if self._attached.is_set() else min(2 * pause, self.LONGEST_PAUSE)
                self._attached.clear()
            self._ended.wait(pause)

    def _serve(self, connection):
        with self._lock:
            if self._ended.is_set():
                return
            self._connection = connection
        try:
            connection.call("vm.attach", self._parameters, self._vcpus)
            self._attached.set()
            while True:
                request = connection.receive(timeout=NEVER)
                # An ioctl waits for its vCPU to leave KVM_RUN, and others must not wait with it.
                threading.Thread(target=connection.serve, args=request, daemon=True).start()
        finally:
            with self._lock:
                self._connection = None


class _AgentConnection(Connection):
    def execute(self, params, fds):
        for request in job_requests(fds[0]) if fds else ():
            # The direction in an ioctl's number is the caller's: what KVM answers has this bit.
            if not request & 0x80000000:
                raise JobRefused(f"an agent only reads, and ioctl {request:#x} changes something")
        return super().execute(params, fds)

    def serve(self, request, fds):
        try:
            super().serve(request, fds)
        except OSError:
            pass  # the daemon has gone meanwhile


NEVER = 365 * 86400.0


def job_requests(memfd):
    """The ioctls of a job, unchecked."""
    head = os.pread(memfd, HEADER.size, 0)
    steps = HEADER.unpack(head)[3] if len(head) == HEADER.size else 0
    records = os.pread(memfd, STEP.size * steps, HEADER.size)
    return [request for request, *_ in STEP.iter_unpack(records[: len(records) // STEP.size * STEP.size])]
