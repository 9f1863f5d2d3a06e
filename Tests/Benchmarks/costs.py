# SPDX-License-Identifier: Apache-2.0
"""What a request costs the daemon, counted and not timed: allocations, system calls and instructions.

Counts are nearly the same from run to run and from machine to machine: they show a change that the noise of times hides.
"""

import json
import os
import re
import shutil
import struct
import subprocess

from tools import POOL, ask

VCPUS = 64


def costs(bench, report):
    report.section("What one request costs the daemon")
    hot = hot_paths(bench)
    allocated, entered, executed = allocations(bench, hot), system_calls(bench, report, hot), instructions(bench, report, hot)
    for name in hot:
        count, size = allocated[name]
        report.cost(
            name, allocations=count, bytes=size, systemCalls=entered and entered[name][0],
            instructions=executed and executed[name][0],
        )  # fmt: skip


def hot_paths(bench):
    """By name: of a daemon and a number, the command that makes about as many requests, and how many it makes."""

    def query(method, **params):
        request = bench.request(method, **params)

        def command(daemon, times):
            # It warms up by a tenth and one.
            return [bench.program("pair"), str(times), daemon.query_path, request], times + times // 10 + 1

        return command

    def apply(daemon, times):
        return [bench.program("apply"), daemon.socket_path, str(VCPUS), str(times)], times + 3

    with bench.daemon() as daemon:
        host = json.loads(ask(daemon.query_path, bench.request("host.describe")))["result"]
    table = {"model": "Icelake-Server-v6", "unavailable": "drop", "topology": {"cores": 4}}
    hot = {
        "daemon.status": query("daemon.status"),
        "model.expand": query("model.expand", model="Icelake-Server-v6"),
        "model.list": query("model.list"),
        "model.compare": query("model.compare", first={"host": "this"}, second={"model": "Haswell"}),
        "model.baseline of 16": query("model.baseline", cpus=[{"model": name} for name in (POOL * 3)[:16]]),
        "model.detect of a host document": query("model.detect", cpu={"host": host}),
        "table.compute of 4 vCPUs": query("table.compute", **table),
    }
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        hot[f"vm.apply of {VCPUS} vCPUs"] = apply
    return hot


def run(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def each(daemon, hot, times, counted):
    """By name: what one request adds to what is counted while a command runs.

    From the difference of two runs, so that coming and going of a connection is none of it.
    """
    # What is worked out at first, and kept, is no cost of the next request.
    for command in hot.values():
        run(command(daemon, 3)[0])
    costs = {}
    for name, make in hot.items():
        (few, some), (many, more) = make(daemon, times), make(daemon, 3 * times)
        before, after = counted(few), counted(many)
        costs[name] = [(end - start) / (more - some) for start, end in zip(before, after, strict=True)]
    return costs


def allocations(bench, hot):
    """By name: how many, and of how many bytes."""
    counters = bench.file(bytes(16))

    def counted(command):
        before = struct.unpack("QQ", counters.read_bytes())
        run(command)
        after = struct.unpack("QQ", counters.read_bytes())
        return [end - start for start, end in zip(before, after, strict=True)]

    with bench.daemon(LD_PRELOAD=bench.preload("allocations"), ALLOCATIONS=str(counters)) as daemon:
        return each(daemon, hot, 100, counted)


def system_calls(bench, report, hot):
    """By name: how many; None where they cannot be counted."""
    perf, event = shutil.which("perf"), "raw_syscalls:sys_enter"
    if not perf or subprocess.run([perf, "stat", "-e", event, "true"], capture_output=True).returncode != 0:
        report.skip("system calls", "perf cannot count them here")
        return None
    told = bench.directory / "perf"
    with bench.daemon() as daemon:

        def counted(command):
            run([perf, "stat", "-x", ",", "-o", told, "-e", event, "-p", str(daemon.process.pid), "--", *command])
            return [int(re.search(rf"^(\d+),.*{event}", told.read_text(), re.MULTILINE)[1])]

        return each(daemon, hot, 100, counted)


def instructions(bench, report, hot):
    """By name: how many in user space, as callgrind counts them; None where it is not installed."""
    valgrind, control, strip = (shutil.which(name) for name in ("valgrind", "callgrind_control", "strip"))
    if not valgrind or not control or not strip:
        report.skip("instructions", "valgrind or strip is not installed")
        return None
    # Valgrind does not know all of Swift's debug information, and gives up on it.
    program, wrapper = bench.directory / "cpumodeld", bench.directory / "cpumodeld-callgrind"
    run([strip, "--strip-debug", "-o", program, bench.binaries / "cpumodeld"])
    out = bench.directory / "callgrind"
    out.mkdir()
    options = f"-q --tool=callgrind --callgrind-out-file={out}/out"
    wrapper.write_text(f'#!/bin/sh\nexec {valgrind} {options} {program} "$@"\n')
    wrapper.chmod(0o755)
    with bench.daemon(program=str(wrapper)) as daemon:
        pid = str(daemon.process.pid)

        def counted(command):
            run([control, "--zero", pid])
            run(command)
            run([control, "--dump", pid])
            (dump,) = out.glob("out.*")
            count = int(re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)[1])
            dump.unlink()
            return [count]

        return each(daemon, hot, 10, counted)
