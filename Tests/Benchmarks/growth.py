# SPDX-License-Identifier: Apache-2.0
"""How costs grow: tables and baselines in process, by growth-bench; models and VMs over the socket."""

import contextlib
import json
import os
import pathlib
import subprocess
import uuid

from tools import LAST_CPU, ROOT, ask, busy, on_cpu, resident, state_directory

MODEL = """[Model]
Name=Fleet-{number}
Extends=EPYC-Milan-v2
Description=One of many
Remove=rdpid
"""


def in_process(bench, report):
    models = sorted((ROOT / "config/models").glob("*.cpumodel"))
    done = subprocess.run([bench.binaries / "growth-bench", *models], capture_output=True, text=True, check=True)
    for series in json.loads(done.stdout):
        report.section(series["title"])
        report.growth(series["name"], series["points"], series["unit"])


class Curves:
    """Costs at growing sizes, told when all are known."""

    def __init__(self, bench):
        self._bench = bench
        self._points = {}

    def start(self, size, *options):
        """The time from exec to the first answer."""
        bench, request = self._bench, self._bench.request("daemon.status")
        command = [bench.binaries / "cpumodeld", "--log", "stderr", *options]
        self.times("first answer", "ms", size, bench.measure("startup", 5, bench.directory / "s", request, *command)["ours"])

    def ask(self, name, unit, rounds, size, daemon, request):
        """The time of a request, and the daemon's processor time for it."""
        before = busy(daemon.process.pid)
        samples = self._bench.measure("pair", rounds, daemon.query_path, request)["ours"]
        # It warms up by a tenth and one.
        samples["busy"] = (busy(daemon.process.pid) - before) / (rounds + rounds // 10 + 1)
        self.times(name, unit, size, samples)

    def times(self, name, unit, size, samples):
        """Times in microseconds, to be told in `us` or `ms`."""
        scale = {"us": 1, "ms": 1e3}[unit]
        point = {kind: samples[kind] / scale for kind in ("median", "p99", "least", "busy") if kind in samples}
        self._points.setdefault((name, unit), []).append({"size": size, **point})

    def memory(self, size, daemon):
        point = {"size": size, "median": resident(daemon.process.pid)}
        self._points.setdefault(("resident memory", "MiB"), []).append(point)

    def tell(self, report):
        for (name, unit), points in self._points.items():
            report.growth(name, points, unit)


def catalog(bench, report):
    report.section("Models in the catalog, beside the shipped ones; on one CPU")
    curves = Curves(bench)
    for count in (100, 1000, 10000):
        folder = bench.directory / f"models-{count}"
        folder.mkdir()
        for shipped in (ROOT / "config/models").glob("*.cpumodel"):
            (folder / shipped.name).write_bytes(shipped.read_bytes())
        for number in range(count):
            (folder / f"Fleet-{number}.cpumodel").write_text(MODEL.format(number=number))
        with on_cpu(LAST_CPU):
            curves.start(count, "--models", folder, "--state", "")
            with bench.daemon(models=folder) as daemon:
                listing, expand = bench.request("model.list"), bench.request("model.expand", model="EPYC-Milan-v2")
                ask(daemon.query_path, listing)
                curves.ask("model.list", "ms", 50, count, daemon, listing)
                curves.ask("model.expand of one", "us", 500, count, daemon, expand)
                curves.memory(count, daemon)
    curves.tell(report)


def registered(bench, report):
    report.section("Registered VMs that an earlier daemon left, on one CPU")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return report.skip("VMs", "/dev/kvm cannot be opened, to make the VMs whose documents are multiplied")
    curves = Curves(bench)
    with some_documents(bench) as documents:
        for count in (1, 10, 100, 1000, 10000):
            with state_directory() as state, on_cpu(LAST_CPU):
                multiply(documents, count, pathlib.Path(state))
                curves.start(count, "--models", ROOT / "config/models", "--state", state)
                with bench.daemon(state=state) as daemon:
                    questions(bench, curves, daemon, count)
    curves.tell(report)


@contextlib.contextmanager
def some_documents(bench, count=5, vcpus=2):
    """The documents of real VMs of several models, while their owner lives."""
    with state_directory() as state, contextlib.ExitStack() as stack:
        with bench.daemon(state=state) as daemon:
            command = [bench.program("fleet"), daemon.socket_path, str(count), str(vcpus)]
            owner = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            stack.callback(owner.stdin.close)
            if json.loads(owner.stdout.readline())["vms"] < count:
                raise RuntimeError("the VMs could not be made")
        yield [json.loads(path.read_text()) for path in sorted(pathlib.Path(state).glob("*.json"))]


def multiply(documents, count, state):
    """Writes as many, each with a name and a request of its own."""
    for number in range(count):
        document = documents[number % len(documents)] | {"name": f"vm-{number:05}", "requestId": str(uuid.uuid4())}
        (state / f"{document['name']}.json").write_text(json.dumps(document))


def questions(bench, curves, daemon, count):
    listing = bench.request("vm.list")
    known = len(json.loads(ask(daemon.query_path, listing))["result"]["vms"])
    if known != count:
        raise RuntimeError(f"the daemon knows {known} of {count} VMs:\n{daemon.log()}")
    host = json.loads(ask(daemon.query_path, bench.request("host.describe")))["result"]
    everywhere = bench.request("vm.checkMigration", all=True, hosts=[{"name": "other", "host": host}])
    rounds = 30 if count < 10000 else 10
    curves.ask("daemon.status", "us", 500, count, daemon, bench.request("daemon.status"))
    curves.ask("vm.show of one", "us", 500, count, daemon, bench.request("vm.show", vm="vm-00000"))
    curves.ask("vm.list", "ms", rounds, count, daemon, listing)
    curves.ask("vm.list, one model", "ms", rounds, count, daemon, bench.request("vm.list", model="Nehalem"))
    curves.ask("vm.checkMigration of all onto a host", "ms", rounds, count, daemon, everywhere)
    applied = bench.measure("apply", daemon.socket_path, 1, 50)["ours"]
    curves.times("vm.apply of another, 1 vCPU", "us", count, applied)
    curves.memory(count, daemon)
