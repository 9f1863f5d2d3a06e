# SPDX-License-Identifier: Apache-2.0
"""How costs grow: models in the catalog over the socket; the rest in process, by growth-bench."""

import json
import subprocess

from tools import ROOT, ask, resident

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


def catalog(bench, report):
    report.section("Models in the catalog")
    times, starts, memories, expansions = [], [], [], []
    for count in (100, 1000, 10000):
        folder = bench.directory / f"models-{count}"
        folder.mkdir()
        for shipped in (ROOT / "config/models").glob("*.cpumodel"):
            (folder / shipped.name).write_bytes(shipped.read_bytes())
        for number in range(count):
            (folder / f"Fleet-{number}.cpumodel").write_text(MODEL.format(number=number))
        options = ["--models", folder, "--log", "stderr"]
        request = bench.request("daemon.status")
        started = bench.measure(
            "startup", 3, bench.directory / "s", request, bench.binaries / "cpumodeld", *options
        )
        starts.append((count, started["ours"]["median"] / 1e3))
        with bench.daemon(models=folder) as daemon:
            listing = bench.request("model.list")
            ask(daemon.query_path, listing)
            times.append((count, bench.measure("pair", 10, daemon.query_path, listing)["ours"]["median"] / 1e3))
            expand = bench.request("model.expand", model="EPYC-Milan-v2")
            expansions.append((count, bench.measure("pair", 500, daemon.query_path, expand)["ours"]["median"]))
            memories.append((count, resident(daemon.process.pid)))
    report.growth("first answer", starts, "ms")
    report.growth("model.list", times, "ms")
    report.growth("model.expand of one", expansions, "us")
    report.growth("resident memory", memories, "MiB")
