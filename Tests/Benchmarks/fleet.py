# SPDX-License-Identifier: Apache-2.0
"""What operators' questions cost on a host with many VMs, and what a running guest notices of them."""

import json
import os
import subprocess

from tools import ask, resident

VMS, VCPUS = 1000, 2

QUESTIONS = [
    ("vm.list", "vm.list", {}),
    ("vm.list, one model", "vm.list", {"model": "Nehalem"}),
    ("vm.list, older versions", "vm.list", {"olderVersion": True}),
    ("vm.list, inconsistent", "vm.list", {"inconsistent": True}),
    ("vm.list with lahf-lm", "vm.list", {"with": ["lahf-lm"]}),
    ("vm.list with amx-tile", "vm.list", {"with": ["amx-tile"]}),
    ("vm.list with osxsave, live", "vm.list", {"with": ["osxsave"], "deadlineMs": 1}),
]


def fleet(bench, report):
    report.section(f"{VMS:,} registered VMs of {VCPUS} vCPUs, real ones")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return report.skip("VMs", "/dev/kvm cannot be opened")
    with bench.daemon() as daemon:
        ask(daemon.query_path, bench.request("daemon.status"))
        before = resident(daemon.process.pid)
        command = [bench.program("fleet"), daemon.socket_path, str(VMS), str(VCPUS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as launcher:
            made = json.loads(launcher.stdout.readline())
            report.value("VMs", made["vms"], "VMs", note=f"made and applied in {made['seconds']} s")
            for name, method, params in QUESTIONS:
                question(bench, report, daemon, name, bench.request(method, **params))
            host = json.loads(ask(daemon.query_path, bench.request("host.describe")))["result"]
            everywhere = bench.request("vm.checkMigration", all=True, hosts=[{"name": "other", "host": host}])
            question(bench, report, daemon, "vm.checkMigration of all onto a host", everywhere)
            after = resident(daemon.process.pid)
            report.value("resident memory a VM", (after - before) * 1024 / made["vms"], "KiB")
            report.value("resident memory with all", after, "MiB")
            launcher.stdin.close()


def question(bench, report, daemon, name, request):
    size = len(ask(daemon.query_path, request)) / 1024
    report.time(f"{name} ({size:,.0f} KiB)", bench.measure("pair", 30, daemon.query_path, request)["ours"])


def guests(bench, report):
    report.section("What a guest notices of vm.caps, a hundred times a second")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return report.skip("guests", "/dev/kvm cannot be opened")
    what = {"exiting": "exits to its VMM", "spinning": "rounds of a loop without exits"}
    with bench.daemon() as daemon:
        for guest in bench.measure("guest", daemon.socket_path, daemon.query_path):
            change = guest["asked"] / guest["alone"] - 1
            note = f"{change:+.2%} against {guest['alone']:,.0f} when left alone"
            report.value(what[guest["guest"]], guest["asked"], "a second", note=note)
