# SPDX-License-Identifier: Apache-2.0
"""Against the peers: Debian's QEMU by QMP, and libvirt by its RPC, where they are installed.

Each is asked in turns with the daemon, by the same C program; all of them on one CPU.
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
import xml.etree.ElementTree as ElementTree

from limits import first_answer
from report import summary
from tools import FIRST_CPU, LAST_CPU, POOL, ask, on_cpu, resident

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

# ---- QEMU ----------------------------------------------------------------------------------

QEMU = "qemu-system-x86_64"
GREETING = '{"execute":"qmp_capabilities"}\n'


def qmp(bench, report):
    report.section("Against QEMU, by QMP, on one CPU")
    if not shutil.which(QEMU):
        return report.skip("QMP", f"{QEMU} is not installed")
    accelerator = "kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg"
    path = bench.directory / "qmp.sock"
    command = [QEMU, "-machine", "none", "-accel", accelerator, "-nodefaults", "-display", "none"]
    command += ["-qmp", f"unix:{path},server=on,wait=off"]
    with on_cpu(LAST_CPU):
        process = subprocess.Popen(command, **QUIET)
        try:
            wait_for(path, process)
            compare_qmp(bench, report, path, process, accelerator)
        finally:
            process.kill()
            process.wait()
    ours = first_answer(bench, "model.expand", model="Haswell-v4")
    theirs = starts_of_qemu(command, path)
    report.time("exec to the first expansion", ours, against="qemu -machine none", reference=theirs)


def compare_qmp(bench, report, path, process, accelerator):
    greeting, reference = bench.file(GREETING), f"QMP, {accelerator}"
    haswell = {"name": "Haswell-v4"}
    with bench.daemon() as daemon:

        def compare(name, ours, theirs, rounds, faster):
            command = bench.file(json.dumps(theirs) + "\n")
            both = bench.measure("pair", rounds, daemon.query_path, ours, path, command, greeting)
            report.time(name, both["ours"], against=reference, reference=both["theirs"], at_least=faster)

        for kind in ("static", "full"):
            theirs = {"execute": "query-cpu-model-expansion", "arguments": {"type": kind, "model": haswell}}
            request = bench.request("model.expand", model="Haswell-v4")
            compare(f"model.expand Haswell-v4, {kind}", request, theirs, 300, 12 if kind == "full" else None)
        definitions = {"execute": "query-cpu-definitions"}
        compare("model.list with what is missing here", bench.request("model.list"), definitions, 100, 20)
        ours, theirs = resident(daemon.process.pid), resident(process.pid)
        report.value("resident memory after these", ours, "MiB", against="qemu -machine none", reference=theirs)


def starts_of_qemu(command, path, rounds=10):
    samples = []
    expansion = {"execute": "query-cpu-model-expansion", "arguments": {"type": "static", "model": {"name": "Haswell-v4"}}}
    for _ in range(rounds):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        begin = time.perf_counter()
        process = subprocess.Popen(command, **QUIET)
        wait_for(path, process)
        ask_qmp(path, expansion)
        samples.append((time.perf_counter() - begin) * 1e6)
        process.kill()
        process.wait()
    return summary(samples)


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


# ---- libvirt -------------------------------------------------------------------------------


def libvirt(bench, report):
    report.section("Against libvirt, over its RPC, on one CPU")
    program = shutil.which("libvirtd") or "/usr/sbin/libvirtd"
    if not os.path.exists(program):
        return report.skip("libvirt", "libvirtd is not installed")
    if os.geteuid() != 0:
        return report.skip("libvirt", "libvirtd needs root")
    haswell = cpu_file(bench, "Haswell")
    with on_cpu(LAST_CPU), libvirt_daemon(bench, program) as (process, socket_path):
        uri = f"qemu:///system?socket={socket_path}"
        wait_for(socket_path, process)
        after_start = resident(process.pid)
        with bench.daemon() as daemon:
            ask(daemon.query_path, bench.request("daemon.status"))
            ours = resident(daemon.process.pid)
            report.value("resident memory after the start", ours, "MiB", against="libvirtd", reference=after_start)
            compare_libvirt(bench, report, daemon, uri, haswell)
            ours, theirs = resident(daemon.process.pid), resident(process.pid)
            report.value("resident memory after these", ours, "MiB", against="libvirtd", reference=theirs)
        rates(bench, report, uri, haswell)
    ours = first_answer(bench, "model.compare", first={"host": "this"}, second={"model": "Haswell"})
    theirs = starts_of_libvirt(bench, program, haswell)
    report.time("exec to the first comparison", ours, against="libvirtd, its cache warm", reference=theirs)


def compare_libvirt(bench, report, daemon, uri, haswell):
    pool = (POOL * 3)[:16]
    files = [cpu_file(bench, name) for name in pool]
    expression, host_file = host_of(bench, uri)

    def against(name, method, params, call, *cpus, rounds, faster=None):
        request = bench.request(method, **params)
        ask(daemon.query_path, request)
        both = bench.measure("libvirt", "pair", rounds, daemon.query_path, request, uri, call, *cpus)
        report.time(name, both["ours"], against="libvirt", reference=both["theirs"], at_least=faster)

    params = {"first": {"host": "this"}, "second": {"model": "Haswell"}}
    against("model.compare, this host with Haswell", "model.compare", params, "compare", haswell, rounds=1000, faster=2)
    for count, faster in ((2, None), (16, 6)):
        params = {"cpus": [{"model": name} for name in pool[:count]]}
        against(
            f"model.baseline of {count}", "model.baseline", params, "baseline", *files[:count], rounds=300, faster=faster
        )
    # Nearest to detection over libvirt's RPC is the baseline of one CPU: it turns what it is given into bits, and names
    # the bits. It is given this host as it describes it; the daemon the same, and once the tables and MSRs themselves.
    params = {"cpu": {"model": expression}, "vocabulary": "libvirt"}
    against("model.detect, by features' names", "model.detect", params, "baseline", host_file, rounds=300)
    document = json.loads(ask(daemon.query_path, bench.request("host.describe")))["result"]
    params = {"cpu": {"host": document}, "vocabulary": "libvirt"}
    against("model.detect, a whole host document", "model.detect", params, "baseline", host_file, rounds=300)


def rates(bench, report, uri, haswell, milliseconds=1500):
    report.section("model.compare from many connections, the clients on another CPU; against libvirt")
    request = bench.request("model.compare", first={"host": "this"}, second={"model": "Haswell"})
    with bench.daemon() as daemon, on_cpu(FIRST_CPU):
        for count in (1, 16, 64):
            ours = bench.measure("load", daemon.query_path, request, count, milliseconds)
            theirs = bench.measure("libvirt", "load", uri, haswell, count, milliseconds)
            report.rate(f"{count} connections", ours, against="libvirt", reference=theirs)


def host_of(bench, uri):
    """This host's CPU as libvirt describes it: as our expression, and a file with a CPU that a guest can have."""
    done = subprocess.run([bench.program("libvirt"), "capabilities", uri], capture_output=True, text=True, check=True)
    host = ElementTree.fromstring(done.stdout).find("host/cpu")
    cpu = ElementTree.Element("cpu")
    for part in ("arch", "model", "vendor"):
        ElementTree.SubElement(cpu, part).text = host.find(part).text
    features = [feature.get("name") for feature in host.findall("feature")]
    for feature in features:
        ElementTree.SubElement(cpu, "feature", policy="require", name=feature)
    # Two of them only show CR4 of the system that runs, and cannot be asked for.
    expression = ",+".join([host.find("model").text, *(name for name in features if name not in ("osxsave", "ospke"))])
    return expression, bench.file(ElementTree.tostring(cpu))


def cpu_file(bench, model):
    return bench.file(f"<cpu><arch>x86_64</arch><model>{model}</model><vendor>Intel</vendor></cpu>")


def starts_of_libvirt(bench, program, haswell, rounds=5):
    samples = []
    for _ in range(rounds):
        begin = time.perf_counter()
        with libvirt_daemon(bench, program) as (_, socket_path):
            uri = f"qemu:///system?socket={socket_path}"
            subprocess.run([bench.program("libvirt"), "first", socket_path, uri, haswell], check=True, timeout=120)
            samples.append((time.perf_counter() - begin) * 1e6)
    return summary(samples)


@contextlib.contextmanager
def libvirt_daemon(bench, program):
    """A libvirtd with a socket of its own; yields the process and the socket's path, which need not be there yet."""
    run = bench.directory / "libvirt"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    # Room for 64 clients, each of which may ask at once as ours may.
    settings = f'unix_sock_dir = "{run}"\nauth_unix_rw = "none"\nmax_anonymous_clients = 200\nmax_queued_clients = 200\n'
    process = subprocess.Popen([program, "-f", bench.file(settings), "-p", run / "pid"], **QUIET)
    try:
        yield process, run / "libvirt-sock"
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
