# SPDX-License-Identifier: Apache-2.0
"""Starts daemons and the processes that talk to them, and counts what the daemons hold."""

import contextlib
import fcntl
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import traceback

import cpumodel
import kvm
import sanitizers

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("CPUMODELD_BIN_DIR") or ROOT / ".build/debug").absolute()
MODELS = ROOT / "config/models"
PATIENCE = float(os.environ.get("CPUMODELD_TEST_PATIENCE") or 1)  # more than 1 where all is slow, as on an emulated host
START_TIMEOUT, STOP_TIMEOUT = 30.0 * PATIENCE, 10.0 * PATIENCE


def binary(name):
    path = BINARIES / name
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: build first, or point CPUMODELD_BIN_DIR at the binaries")
    return str(path)


# ---- daemons -------------------------------------------------------------------------------


class Daemon:
    """One cpumodeld with sockets, state and log in a directory of its own."""

    program = None  # another than that of CPUMODELD_BIN_DIR
    models = MODELS

    def __init__(self, *options):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-"))
        self.socket_path = str(self.directory / "cpumodeld.sock")
        self.query_path = str(self.directory / "query.sock")
        self.log_path = self.directory / "log"
        self._options = options
        self.process = None
        self.heard = []  # what the last start told the service manager: messages, each with its descriptors
        self.kept = {}  # descriptors that a service manager would hand over, by their names

    def start(self, notify=None, **variables):
        """Starts it, with these variables; a socket that is given for `notify` is told all that systemd would be."""
        notify_path = str(self.directory / "notify.sock")
        # A journal stream or a socket meant for this process is not the daemon's.
        foreign = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "JOURNAL_STREAM", "WATCHDOG_USEC", "WATCHDOG_PID")
        environment = {key: value for key, value in os.environ.items() if key not in foreign}
        environment |= {"NOTIFY_SOCKET": notify_path, **variables}
        program = self.program or binary("cpumodeld")
        arguments = [program, "--socket", self.socket_path, "--query-socket", self.query_path]
        arguments += ["--models", str(self.models), "--state", str(self.directory / "vms")]
        arguments += self._options
        if self.kept:  # sd_listen_fds(3)
            names, kept = zip(*self.kept.items(), strict=True)
            environment |= {"LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": ":".join(names)}
            arguments = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *arguments]
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(open(self.log_path, "ab"))
            if notify is None:
                notify = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
                stack.callback(os.unlink, notify_path)
            notify.bind(notify_path)
            self.process = subprocess.Popen(
                arguments, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=range(3, 3 + len(self.kept)), preexec_fn=self._hand_over if self.kept else None,
            )  # fmt: skip
            try:
                self._wait_until_ready(notify)
            except BaseException:
                self.stop()
                raise
        return self

    def _hand_over(self):
        copies = [fcntl.fcntl(fd, fcntl.F_DUPFD, 3 + len(self.kept)) for fd in self.kept.values()]
        for number, copy in enumerate(copies, 3):
            os.dup2(copy, number)

    def _wait_until_ready(self, notify):
        self.forget_heard()
        # select(2) knows no descriptor beyond 1,023.
        poller = select.poll()
        poller.register(notify, select.POLLIN)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"cpumodeld ended with {self.process.returncode}:\n{self.log()}")
            if poller.poll(100):
                data, fds, _, _ = socket.recv_fds(notify, 65536, 8)
                self.heard.append((data, fds))
                if b"READY=1" in data.split(b"\n"):
                    return
        raise RuntimeError(f"cpumodeld sent no READY=1 in {START_TIMEOUT:.0f} s:\n{self.log()}")

    def forget_heard(self):
        for _, fds in self.heard:
            for fd in fds:
                os.close(fd)
        self.heard = []

    def stop(self):
        """Ends the daemon as systemd would; returns its exit status."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode if self.process else None

    def kill(self):
        """Ends the daemon in the middle of what it does."""
        self.process.kill()
        self.process.wait()

    def state_files(self):
        """The names of the files in which registered VMs are kept."""
        folder = self.directory / "vms"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def remove(self):
        self.forget_heard()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self, lines=12):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def descriptors(self):
        """Where each open descriptor of the daemon leads, sorted."""
        folder = f"/proc/{self.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                link = re.sub(r":\[\d+\]$", "", os.readlink(f"{folder}/{name}"))  # without inode numbers
                links.append(re.sub(r"^/proc/\d+/", "/proc/self/", link))
        if sanitizers.NAME == "thread":  # its symbolizer, started when it meets what is suppressed, is behind two pipes
            links = [link for link in links if link != "pipe"]
        return sorted(links)

    def settled_descriptors(self):
        """The same, once the connections of an earlier test are gone from it."""
        now, before = self.descriptors(), None
        while now != before:
            time.sleep(0.02 * PATIENCE)
            now, before = self.descriptors(), now
        return now

    def open_to_all(self):
        """Lets processes of other users reach the launchers' socket."""
        os.chmod(self.directory, 0o755)
        os.chmod(self.socket_path, 0o666)

    def connect(self, kind=cpumodel.Connection, query=False, timeout=20.0 * PATIENCE):
        return kind(self.query_path if query else self.socket_path, timeout)


# ---- clients -------------------------------------------------------------------------------


class Recorder(cpumodel.Connection):
    """A client that remembers what each vCPU was told to take, to compare with what it took."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = {}
        self.jobs = 0

    def execute(self, params, fds):
        job = os.pread(fds[0], params["size"], 0)
        steps = cpumodel.HEADER.unpack_from(job)[3]
        for number in range(steps):
            request, vcpu, _, _, start, _ = cpumodel.STEP.unpack_from(
                job, cpumodel.HEADER.size + cpumodel.STEP.size * number
            )
            if request == kvm.KVM_SET_CPUID2:
                self.asked[vcpu] = kvm.unpack_table(job[start:])
        self.jobs += 1
        return super().execute(params, fds)


class Child:
    """A forked process that runs `work(pipe)`; `pipe` is a stream socket to the parent."""

    def __init__(self, work):
        self.pipe, theirs = socket.socketpair()
        self.pipe.settimeout(20)
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                self.pipe.close()
                work(theirs)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        theirs.close()
        self._status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pipe.close()
        self.kill()

    def expect(self, text):
        """Waits until the child says `text`."""
        said = self.pipe.recv(len(text))
        if said != text.encode():
            raise AssertionError(f"the child said {said!r} and not {text!r}")

    def kill(self):
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def wait(self):
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status
