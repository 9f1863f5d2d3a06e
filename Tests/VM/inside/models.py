#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives a guest every model version that this host can carry, and has it look.

For each version of the host's vendor, and for `host` and `max`: the launcher, whose VM is in
another process than the daemon, has it applied; the verdict must be `exact` or `runtime`; and a
guest that executes CPUID must see what KVM's table says. Versions that the host can carry whole are
applied as they are; the others without what the host cannot give.
"""

import fnmatch
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))

from harness import Daemon, binary  # noqa: E402

GOOD = ("exact", "runtime")
TOPOLOGY = "1:1:1:2:2"
KIN = {"AuthenticAMD": ("AuthenticAMD", "HygonGenuine"), "GenuineIntel": ("GenuineIntel", "CentaurHauls")}


def host_vendor():
    for line in open("/proc/cpuinfo", encoding="ascii"):
        if line.startswith("vendor_id"):
            return line.split(":")[1].strip()
    return ""


def versions(client):
    """Every version that is to be tried: its expression, and whether this host can carry it whole."""
    kin = KIN[host_vendor()]
    yield "host", True
    yield "max", True
    for model in client.call("model.list")["models"]:
        if model["vendor"] in kin:
            yield model["name"], model["usable"]


def launch(daemon, expression, usable):
    command = [binary("cpumodel-launch"), "--socket", daemon.socket_path, "--json", "--model", expression]
    command += ["--topology", TOPOLOGY, "--unavailable", "fail" if usable else "drop"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return json.loads(done.stdout) if done.stdout else {"status": done.returncode, "error": {"message": done.stderr}}


def differences(report):
    """What KVM changed and what the guest saw otherwise, in short."""
    details = report.get("result") or (report.get("error") or {}).get("data") or {}
    found = []
    for differing in details.get("differenceSets", []):
        for one in differing:
            bits = " ".join(bit.get("feature") or f"bit {bit['bit']}" for bit in one.get("bits", []))
            register = f" {one['register']} {one['want']} -> {one['got']}" if "register" in one else ""
            found.append(f"{one['leaf']}.{one['subleaf']}{register} {one['class']} {bits}".rstrip())
    return found


def judge(report):
    """Why this is not as it must be, or an empty string."""
    if "result" not in report:
        return report["error"]["message"]
    if report["result"]["verdict"] not in GOOD:
        return report["result"]["verdict"]
    guest = report.get("guest")
    if guest is None or guest["failure"]:
        return f"the guest could not run: {guest and guest['failure']}"
    wrong = [one for one in guest["surprises"] if one["rule"] is None]
    return f"the guest saw {len(wrong)} registers that the table does not say" if wrong else ""


def main():
    patterns = sys.argv[1:]
    passed = failed = 0
    daemon = Daemon().start()
    with daemon.connect() as client:
        chosen = [
            (expression, usable)
            for expression, usable in versions(client)
            if not patterns or any(fnmatch.fnmatch(expression, pattern) for pattern in patterns)
        ]
    for expression, usable in chosen:
        started = time.monotonic()
        report = launch(daemon, expression, usable)
        seconds = time.monotonic() - started
        fault = judge(report)
        passed, failed = passed + (not fault), failed + bool(fault)
        result, guest = report.get("result") or {}, report.get("guest") or {}
        changed = [one for one in differences(report) if not one.endswith("runtime")] if fault else differences(report)
        left_out = len(result.get("dropped", []))
        text = fault or f"{result['verdict']}, {guest['answers']} answers in {guest['mode']} mode"
        if left_out:
            text += f", {left_out} features left out"
        print(f"{'FAIL' if fault else 'ok':4}  {expression} ({seconds:.1f} s): {text}", flush=True)
        for line in changed if fault else ():
            print(f"        {line}")
        for one in guest.get("surprises", []) if fault else ():
            print(f"        guest: {json.dumps(one)}")
        record = {
            "model": expression, "usable": usable, "verdict": result.get("verdict"), "stamp": result.get("stamp"),
            "dropped": [one["feature"] for one in result.get("dropped", [])], "differences": differences(report),
            "guest": guest, "fault": fault, "seconds": round(seconds, 2),
        }  # fmt: skip
        print(f"@result {json.dumps(record)}", flush=True)
    if daemon.stop() != 0:
        print(f"FAIL  the daemon's end:\n{daemon.log()}")
        failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
