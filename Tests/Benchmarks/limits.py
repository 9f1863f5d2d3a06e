# SPDX-License-Identifier: Apache-2.0
"""Against the limit: what the same bytes, ioctls or files take in bare C."""

import json
import os

from tools import FIRST_CPU, LAST_CPU, POOL, ROOT, ask, on_cpu, resident, state_directory

ROUND_TRIPS = [
    ("daemon.status", {}, 20000, 2),
    ("model.expand", {"model": "Icelake-Server-v6"}, 4000, None),
    ("model.list", {}, 2000, None),
    ("table.compute", {"model": "Icelake-Server-v6", "unavailable": "drop", "topology": {"cores": 4}}, 2000, None),
    ("model.baseline", {"cpus": [{"model": name} for name in (POOL * 3)[:16]]}, 2000, None),
]


def round_trips(bench, report):
    report.section("Round trips on one CPU, against a C epoll echo of the same bytes")
    with on_cpu(LAST_CPU), bench.daemon() as daemon:
        for method, params, rounds, at_most in ROUND_TRIPS:
            request = bench.request(method, **params)
            with bench.echo(ask(daemon.query_path, request)) as echo:
                both = bench.measure("pair", rounds, daemon.query_path, request, echo, request)
            report.time(method, both["ours"], against="C echo", reference=both["theirs"], at_most=at_most)


def connections(bench, report, milliseconds=1500):
    report.section("daemon.status from many connections, one request under way on each, the clients on another CPU")
    with on_cpu(LAST_CPU), bench.daemon() as daemon:
        request = bench.request("daemon.status")
        with bench.echo(ask(daemon.query_path, request)) as echo, on_cpu(FIRST_CPU):
            for count in (1, 16, 64):
                ours = bench.measure("load", daemon.query_path, request, count, milliseconds)
                theirs = bench.measure("load", echo, request, count, milliseconds)
                report.rate(f"{count} connections", ours, against="C echo", reference=theirs)


def applying(bench, report):
    report.section("vm.apply to a new VM on one CPU, against a bare C loop of SET and GET of the same tables")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return report.skip("vm.apply", "/dev/kvm cannot be opened")
    with on_cpu(LAST_CPU), state_directory() as state, state_directory() as floor, bench.daemon(state=state) as daemon:
        for vcpus, rounds in ((1, 500), (16, 200), (64, 100), (256, 25), (1024, 6)):
            try:
                all_three = bench.measure("apply", daemon.socket_path, vcpus, rounds, f"{state}/bench.json", floor)
            except RuntimeError as error:
                report.skip(f"{vcpus} vCPUs", str(error))
                continue
            limit = {"at_most": 1.25, "slack": 500} if vcpus == 64 else {}
            ours, least, bare = all_three["ours"], all_three["floor"], all_three["theirs"]
            report.time(f"{vcpus} vCPUs", ours, against="bare loop", reference=bare, **limit)
            report.time(f"{vcpus} vCPUs, a C daemon that computes nothing", least, against="bare loop", reference=bare)
            report.time(f"{vcpus} vCPUs, against that C daemon", ours, against="C daemon", reference=least)


def first_answer(bench, method, rounds=30, **params):
    """From exec to the first answer, with the full catalog, as systemd starts it: the request is waiting."""
    options = ["--models", ROOT / "config/models", "--state", "", "--log", "stderr"]
    request = bench.request(method, **params)
    socket, program = bench.directory / "start.sock", bench.binaries / "cpumodeld"
    return bench.measure("startup", rounds, socket, request, program, *options)["ours"]


def start(bench, report):
    report.section("From exec to the first answer, with the full catalog; against C that reads the same files")
    models = sorted((ROOT / "config/models").glob("*.cpumodel"))
    answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {}})
    request, socket = bench.request("daemon.status"), bench.directory / "start.sock"
    reference = bench.measure("startup", 30, socket, request, bench.program("reference"), answer, *models)["ours"]
    for method, params, within in (("daemon.status", {}, None), ("model.expand", {"model": "EPYC-Milan-v2"}, 60_000)):
        ours = first_answer(bench, method, **params)
        report.time(f"first answer: {method}", ours, against="C", reference=reference, within=within)


def memory(bench, report):
    report.section("Resident memory")
    with bench.daemon() as daemon:
        pid = daemon.process.pid
        ask(daemon.query_path, bench.request("daemon.status"))
        report.value("after the start", resident(pid), "MiB", at_most=25)
        for method, params, _, _ in ROUND_TRIPS:
            bench.measure("pair", 10_000 // len(ROUND_TRIPS), daemon.query_path, bench.request(method, **params))
        report.value("after 10,000 requests", resident(pid), "MiB")
