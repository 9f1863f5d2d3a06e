# SPDX-License-Identifier: Apache-2.0
"""Daemons to measure, and the small C programs that measure them."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

# Models that libvirt knows by these names, too, of one vendor: its baseline takes nothing else.
POOL = ["Skylake-Server", "Cascadelake-Server", "Icelake-Server", "Skylake-Client", "Broadwell", "Haswell"]
LIBRARY = ROOT / "Sources/CCPUModelClient"
USES_LIBRARY = ("apply", "fleet", "guest")
CPUS = sorted(os.sched_getaffinity(0))
FIRST_CPU, LAST_CPU = CPUS[0], CPUS[-1]


@contextlib.contextmanager
def on_cpu(number):
    """What is started here runs on this CPU and no other.

    A round trip between two CPUs is mostly the time it takes to wake the other one, and which of two servers the kernel
    puts on the client's is chance: it would decide the ratio.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Bench:
    """One run: a directory, the programs under test, and the C programs, built when first used."""

    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries).absolute()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodel-bench-"))
        self._built = {}
        self._files = 0

    def close(self):
        shutil.rmtree(self.directory)

    def program(self, name):
        return self._build(name, *(LIBRARY.glob("*.c") if name in USES_LIBRARY else []))

    def preload(self, name):
        """A C library to load into a program."""
        return self._build(name, "-shared", "-fPIC")

    def _build(self, name, *more):
        if name not in self._built:
            out = self.directory / "programs" / name
            out.parent.mkdir(exist_ok=True)
            compiler = shutil.which("cc") or "clang"
            flags = ["-std=gnu2x", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{LIBRARY / 'include'}"]
            subprocess.run([compiler, *flags, "-o", out, HERE / f"c/{name}.c", *more], check=True)
            self._built[name] = str(out)
        return self._built[name]

    def measure(self, name, *arguments):
        """What a C program prints: an object with one member a kind of sample."""
        command = [self.program(name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[:4])} ... failed: {done.stderr.strip()[-500:]}")
        return json.loads(done.stdout)

    def file(self, contents):
        self._files += 1
        path = self.directory / f"file-{self._files}"
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        return path

    def request(self, method, **params):
        """A file with one request."""
        return self.file(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")

    @contextlib.contextmanager
    def daemon(self, *options, models=ROOT / "config/models", state=None, program=None, **variables):
        """A daemon that keeps its state as it does when it is installed: in memory, below /run."""
        import harness

        harness.BINARIES = self.binaries
        with contextlib.ExitStack() as stack:
            state = state or stack.enter_context(state_directory())
            daemon = harness.Daemon("--state", state, *options)
            daemon.models, daemon.program = models, program
            stack.callback(daemon.remove)
            stack.callback(daemon.stop)
            yield daemon.start(**variables)

    @contextlib.contextmanager
    def echo(self, answer):
        """A C server that answers every line with these bytes."""
        path = self.directory / "echo.sock"
        process = subprocess.Popen([self.program("echo"), path, self.file(answer)], stdout=subprocess.PIPE)
        process.stdout.readline()
        try:
            yield path
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@contextlib.contextmanager
def state_directory():
    """A directory in memory."""
    with tempfile.TemporaryDirectory(prefix="cpumodel-bench-", dir="/dev/shm") as path:
        yield path


def ask(path, request):
    """The bytes of the answer to the request in a file; an error is raised."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(request.read_bytes())
        answer = bytearray()
        while not answer.endswith(b"\n"):
            part = connection.recv(1 << 20)
            if not part:
                raise RuntimeError("the daemon closed the connection")
            answer += part
    error = json.loads(answer).get("error")
    if error:
        raise RuntimeError(error["message"])
    return bytes(answer)


def resident(pid):
    """Resident memory in MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def busy(pid):
    """The processor time, in microseconds, that a process's first thread has had; the daemon serves by no other."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e3
