#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives a guest every model version that this host can carry, and has it look and toggle.

    models.py [PATTERN]...      only the models whose name a shell pattern fits

For each version of the host's vendor, and for `host` and `max`: the launcher, whose VM is in
another process than the daemon, has it applied, whole where the host can carry it whole and else
without what the host cannot give. Then
 - the verdict must be `exact` or `runtime`;
 - a guest that executes CPUID for every leaf must see what KVM's table says;
 - after it has set CR4.OSXSAVE, CR4.PKE, XCR0 and its APIC base, and set them back, guest and table
   must be as predicted.
"""

import fnmatch
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))

import kvm  # noqa: E402
import runtime_bits  # noqa: E402
import trials  # noqa: E402
from harness import binary  # noqa: E402

GOOD = ("exact", "runtime")
TOPOLOGY = "1:1:1:2:2"
LAUNCH_TIMEOUT = 300  # of the emulated host's seconds
KIN = {"AuthenticAMD": ("AuthenticAMD", "HygonGenuine"), "GenuineIntel": ("GenuineIntel", "CentaurHauls")}


def host_vendor():
    with open("/proc/cpuinfo", encoding="ascii") as lines:
        return next(line.split(":")[1].strip() for line in lines if line.startswith("vendor_id"))


def versions(daemon, patterns):
    """The model versions to try, each with whether this host can carry it whole."""
    with daemon.connect() as client:
        models = client.call("model.list")["models"]
    kin = KIN[host_vendor()]
    found = [("host", True), ("max", True), *((one["name"], one["usable"]) for one in models if one["vendor"] in kin)]
    return [one for one in found if not patterns or any(fnmatch.fnmatch(one[0], pattern) for pattern in patterns)]


class Trial:
    """One model version on one guest, and how it went."""

    def __init__(self, model, usable, area):
        self.model, self.usable, self.area = model, usable, area
        self.report, self.standings = {}, []

    def run(self, daemon):
        command = [binary("cpumodel-launch"), "--socket", daemon.socket_path, "--json", "--model", self.model]
        command += ["--topology", TOPOLOGY, "--unavailable", "fail" if self.usable else "drop", "--guest", "toggle"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LAUNCH_TIMEOUT)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.report = lines[0] if lines else {"error": {"message": done.stderr or f"status {done.returncode}"}}
        self.standings = lines[1:]
        return self

    @property
    def result(self):
        return self.report.get("result") or {}

    @property
    def guest(self):
        return self.report.get("guest") or {}

    def faults(self):
        """All that is not as it must be."""
        if not self.result:
            return [self.report["error"]["message"], *self.differences()]
        found = []
        if self.result["verdict"] not in GOOD:
            found += [f"verdict {self.result['verdict']}", *self.differences()]
        if self.guest["failure"]:
            return [*found, f"the guest could not run: {self.guest['failure']}"]
        for one in self.guest["surprises"]:
            if one["rule"] is None:
                found.append(f"the guest saw otherwise: {json.dumps(one)}")
        return found + runtime_bits.faults(self.standings, self.area)

    def differences(self):
        """What KVM made of the tables, a line a register."""
        details = self.result or self.report["error"].get("data") or {}
        for difference in (one for differing in details.get("differenceSets", []) for one in differing):
            bits = " ".join(bit.get("feature") or f"bit {bit['bit']}" for bit in difference.get("bits", []))
            where = f"{difference['leaf']}.{difference['subleaf']}"
            if "register" in difference:
                where += f" {difference['register']}: asked {difference['want']}, KVM has {difference['got']}"
            yield f"{where}, {difference['class']} {bits}".rstrip()

    def notes(self):
        return sorted({one["note"] for one in self.standings if one["note"]})

    def summary(self):
        left_out = len(self.result.get("dropped", []))
        words = [self.result["verdict"], f"{self.guest['answers']} answers in {self.guest['mode']} mode"]
        words.append(f"{len(self.standings)} steps")
        return ", ".join(words + [f"{left_out} features left out"] * bool(left_out))

    def record(self):
        return {
            "model": self.model, "usable": self.usable, "verdict": self.result.get("verdict"),
            "stamp": self.result.get("stamp"), "dropped": [one["feature"] for one in self.result.get("dropped", [])],
            "differences": list(self.differences()), "answers": self.guest.get("answers"),
            "mode": self.guest.get("mode"), "surprises": self.guest.get("surprises"),
            "steps": [one["step"] for one in self.standings],
        }  # fmt: skip


def all_models(daemon):
    area = runtime_bits.XSaveArea(kvm.supported_cpuid())
    for model, usable in versions(daemon, sys.argv[1:]):
        trial = Trial(model, usable, area).run(daemon)
        faults = trial.faults()
        yield from trial.notes()
        yield trials.Outcome(model, faults, None if faults else trial.summary(), trial.record())


if __name__ == "__main__":
    sys.exit(trials.run(all_models))
