# SPDX-License-Identifier: Apache-2.0
"""Daemons to measure, and the small C programs that measure them."""

import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

LIBRARY = ROOT / "Sources/CCPUModelClient"
USES_LIBRARY = ("apply", "fleet", "guest")


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
        if name not in self._built:
            out = self.directory / name
            sources = [HERE / f"c/{name}.c", *(LIBRARY.glob("*.c") if name in USES_LIBRARY else [])]
            compiler = shutil.which("cc") or "clang"
            flags = ["-std=gnu2x", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{LIBRARY / 'include'}"]
            subprocess.run([compiler, *flags, "-o", out, *sources], check=True)
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
    def daemon(self, *options, models=ROOT / "config/models"):
        """A daemon that keeps its state as it does when it is installed: in memory, below /run."""
        import harness

        harness.BINARIES = self.binaries
        state = tempfile.mkdtemp(prefix="cpumodel-bench-", dir="/dev/shm")
        daemon = harness.Daemon("--state", state, *options)
        daemon.models = models
        try:
            yield daemon.start()
        finally:
            daemon.stop()
            daemon.remove()
            shutil.rmtree(state)

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
