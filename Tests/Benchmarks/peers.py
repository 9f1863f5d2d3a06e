# SPDX-License-Identifier: Apache-2.0
"""Against the peers: Debian's QEMU by QMP, and libvirt by its RPC, where they are installed.

QEMU is asked in turns with the daemon, by the same C program. libvirt is asked through its own client library; Python
adds some microseconds to each of its calls, which take a hundred or more.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from tools import ask

QEMU = "qemu-system-x86_64"
GREETING = '{"execute":"qmp_capabilities"}\n'


def qmp(bench, report):
    report.section("Against QEMU, by QMP")
    if not shutil.which(QEMU):
        return report.skip("QMP", f"{QEMU} is not installed")
    accelerator = "kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg"
    path = bench.directory / "qmp.sock"
    command = [QEMU, "-machine", "none", "-accel", accelerator, "-nodefaults", "-display", "none"]
    command += ["-qmp", f"unix:{path},server=on,wait=off"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(path, process)
        with bench.daemon() as daemon:
            compare_qmp(bench, report, daemon, path, accelerator)
    finally:
        process.kill()
        process.wait()
    start_of_qemu(bench, report, command, path)


def compare_qmp(bench, report, daemon, path, accelerator):
    greeting = bench.file(GREETING)

    def compare(name, ours, theirs, rounds, faster):
        command = bench.file(json.dumps(theirs) + "\n")
        both = bench.measure("pair", rounds, daemon.query_path, ours, path, command, greeting)
        report.time(
            name, both["ours"], against=f"QMP, {accelerator}", reference=both["theirs"], at_least=faster
        )

    for kind in ("static", "full"):
        compare(
            f"model.expand Haswell-v4, {kind}",
            bench.request("model.expand", model="Haswell-v4"),
            {
                "execute": "query-cpu-model-expansion",
                "arguments": {"type": kind, "model": {"name": "Haswell-v4"}},
            },
            300, 12 if kind == "full" else None,
        )  # fmt: skip
    compare(
        "model.list with what is missing here", bench.request("model.list"), {"execute": "query-cpu-definitions"}, 100, 20
    )


def start_of_qemu(bench, report, command, path):
    samples = []
    for _ in range(5):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(path, process)
        ask_qmp(path, {"execute": "query-cpu-model-expansion", "arguments": {"type": "static", "model": {"name": "Haswell-v4"}}})
        samples.append((time.perf_counter() - begin) * 1e6)
        process.kill()
        process.wait()
    report.time("  qemu -machine none to its first expansion", summary(samples))


def ask_qmp(path, command):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        lines = connection.makefile("rwb")
        lines.readline()
        for line in (GREETING, json.dumps(command) + "\n"):
            lines.write(line.encode())
            lines.flush()
            lines.readline()


def wait_for(path, process):
    """Until somebody listens there: a socket that is only bound refuses."""
    deadline = time.monotonic() + 60
    while not listens(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args[0]} did not open {path}")
        time.sleep(0.001)


def listens(path):
    # /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path; the flag is __SO_ACCEPTCON.
    lines = pathlib.Path("/proc/net/unix").read_text().splitlines()
    return any(line.endswith(f" {path}") and int(line.split()[3], 16) & 0x10000 for line in lines)


def summary(samples):
    ordered = sorted(samples)
    return {"median": ordered[len(ordered) // 2], "p99": ordered[-1], "count": len(ordered)}


# ---- libvirt -------------------------------------------------------------------------------

# libvirt's bindings belong to the distribution's Python, which need not be the one that runs this.
LIBVIRT_PYTHON = "/usr/bin/python3"
LIBVIRT_CLIENT = r"""
import json, sys, time
import libvirt
uri, cpus = sys.argv[1], json.load(open(sys.argv[2]))
connection = libvirt.open(uri)
def timed(rounds, call):
    for _ in range(rounds // 10 + 1): call()
    samples = []
    for _ in range(rounds):
        begin = time.perf_counter(); call(); samples.append((time.perf_counter() - begin) * 1e6)
    samples.sort()
    return {"median": samples[len(samples) // 2], "p99": samples[int(len(samples) * 0.99)], "count": rounds}
print(json.dumps({
    "compare": timed(400, lambda: connection.compareCPU(cpus["model"])),
    "baseline2": timed(200, lambda: connection.baselineCPU(cpus["hosts"][:2])),
    "baseline16": timed(100, lambda: connection.baselineCPU(cpus["hosts"])),
}))
"""


def libvirt(bench, report):
    report.section("Against libvirt, over its RPC")
    libvirtd = shutil.which("libvirtd") or "/usr/sbin/libvirtd"
    if not os.path.exists(libvirtd):
        return report.skip("libvirt", "libvirtd is not installed")
    if subprocess.run([LIBVIRT_PYTHON, "-c", "import libvirt"], capture_output=True).returncode != 0:
        return report.skip("libvirt", "python3-libvirt is not installed")
    if os.geteuid() != 0:
        return report.skip("libvirt", "libvirtd needs root")
    with libvirt_daemon(bench, libvirtd) as (path, started):
        uri = f"qemu:///system?socket={path}"
        # The same sixteen CPUs for both: models, for libvirt knows hosts by nothing else.
        names = ["Skylake-Server", "Cascadelake-Server", "Icelake-Server", "Skylake-Client", "Broadwell", "Haswell"]
        names = (names * 3)[:16]
        hosts = [f"<cpu><arch>x86_64</arch><model>{name}</model><vendor>Intel</vendor></cpu>" for name in names]
        model = "<cpu><arch>x86_64</arch><model>Haswell</model><vendor>Intel</vendor></cpu>"
        cpus = bench.file(json.dumps({"model": model, "hosts": hosts}))
        begin = time.perf_counter()
        client = subprocess.run([LIBVIRT_PYTHON, "-c", LIBVIRT_CLIENT, uri, cpus], capture_output=True, text=True)
        if client.returncode != 0:
            return report.skip("libvirt", client.stderr.strip()[-300:])
        theirs = json.loads(client.stdout)
        first = started + time.perf_counter() - begin
        report.value("  libvirtd's start until all of this was answered", first, "s")
        with bench.daemon() as daemon:
            requests = {
                "compare": bench.request("model.compare", first={"host": "this"}, second={"model": "Haswell"}),
                "baseline2": bench.request("model.baseline", cpus=[{"model": name} for name in names[:2]]),
                "baseline16": bench.request("model.baseline", cpus=[{"model": name} for name in names]),
            }
            for name, words, faster in (
                ("compare", "model.compare, this host with Haswell", 2),
                ("baseline2", "model.baseline of 2", None),
                ("baseline16", "model.baseline of 16", 6),
            ):
                ask(daemon.query_path, requests[name])
                ours = bench.measure("pair", 400, daemon.query_path, requests[name])["ours"]
                report.time(words, ours, against="libvirt", reference=theirs[name], at_least=faster)


@contextlib.contextmanager
def libvirt_daemon(bench, program):
    """A libvirtd with sockets of its own; yields the socket, and how long it took to open it."""
    run = bench.directory / "libvirt"
    run.mkdir()
    configuration = bench.file(f'unix_sock_dir = "{run}"\nauth_unix_rw = "none"\n')
    begin = time.perf_counter()
    process = subprocess.Popen(
        [program, "-f", configuration, "-p", run / "pid"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(run / "libvirt-sock", process)
        yield run / "libvirt-sock", time.perf_counter() - begin
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()

