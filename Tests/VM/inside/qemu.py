#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has Debian's QEMU, as it is, boot Debian's kernel on models, and reads what the guest says of its CPU.

    qemu.py [MODEL]...

QEMU is started through cpumodel-exec on the real KVM of this emulated host. The flags in its guest's /proc/cpuinfo must
be exactly the model's, with those that Linux adds by rules of its own (linux_flags.py); vendor, family, model and
stepping must be the model's too.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))

import linux_flags  # noqa: E402
import trials  # noqa: E402
from harness import binary  # noqa: E402

MODELS = ("EPYC-Milan", "EPYC-Milan,-xsave", "Opteron_G3")
GUEST = pathlib.Path("/guest")
QEMU = "/usr/bin/qemu-system-x86_64"
BOOT_TIMEOUT = 900  # of the emulated host's seconds
COMMAND_LINE = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check random.trust_cpu=on"

# What QEMU's own table says and the overlay keeps: two cores, in a virtual machine.
CORES = 2
OF_THE_VMM = frozenset({"hypervisor", "ht"})
OF_THE_VMM_ON_AMD = frozenset({"cmp-legacy"})

# Linux' words when the size that leaf 0xD tells is not that of the components in XCR0. It does without XSAVE then. It
# comes to that on a host of QEMU's TCG, for that does not tell KVM of a guest's XSETBV.
INCONSISTENT = "XSAVE consistency problem"


class Boot:
    """One guest from QEMU's start to its end."""

    def __init__(self, daemon, model):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="boot-"))
        self.console, self.log = folder / "console", folder / "log"
        command = [binary("cpumodel-exec"), "--socket", daemon.socket_path, "--model", model, "--vm", "boot"]
        command += ["--unavailable", "drop", "--", QEMU, "-nodefaults", "-no-user-config", "-no-reboot"]
        command += ["-display", "none", "-monitor", "none", "-serial", f"file:{self.console}"]
        command += ["-machine", "pc", "-accel", "kvm", "-cpu", "host", "-smp", f"{CORES},cores={CORES}", "-m", "160"]
        command += ["-kernel", GUEST / "vmlinuz", "-initrd", GUEST / "initramfs", "-append", COMMAND_LINE]
        started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.shown = self._show(daemon)
            self.status = self.process.wait(BOOT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.status = None
        finally:
            self.process.kill()
            self.process.wait()
        self.seconds = time.monotonic() - started

    def _show(self, daemon):
        """What the daemon says of the VM once all of its vCPUs are there; None if they never are."""
        with daemon.connect() as client:
            while self.process.poll() is None:
                if any(vm["vcpuCount"] == CORES for vm in client.call("vm.list")["vms"]):
                    return client.call("vm.show", {"vm": "boot"})
                time.sleep(0.05)
        return None

    def cpuinfo(self):
        """The first CPU in the guest's /proc/cpuinfo, and what else its init says; None if it did not come so far."""
        said = re.search(r"@begin\r?\n(.*)@end", self._text(self.console), re.DOTALL)
        if said is None:
            return None
        found = {}
        for word, _, value in (line.partition(":") for line in said[1].splitlines()):
            found.setdefault(word.strip(), value.strip())
        return found

    def last_words(self, lines=15):
        for name, path in (("console", self.console), ("QEMU", self.log)):
            for line in self._text(path).splitlines()[-lines:]:
                yield f"{name}: {line.rstrip()}"

    @staticmethod
    def _text(path):
        return path.read_text(errors="replace") if path.exists() else ""


class Trial:
    """One model on one guest, and how it went."""

    def __init__(self, daemon, model):
        self.model = model
        with daemon.connect() as client:
            self.expanded = client.call("model.expand", {"model": model})
        self.boot = Boot(daemon, model)
        self.said = self.boot.cpuinfo()
        self.lost = "xsave" if self.said and self.said.get("kernel") == INCONSISTENT else None

    def expected(self):
        vendor, signature = self.expanded["vendor"], self.expanded["signature"]
        features = OF_THE_VMM | set(self.expanded["features"])
        features |= OF_THE_VMM_ON_AMD if vendor == "AuthenticAMD" else frozenset()
        kernel = tuple(int(number) for number in self.said["release"].split(".")[:2])
        level = int(self.said["cpuid level"])
        guest = linux_flags.Guest(vendor, signature["family"], level, frozenset(features), kernel)
        return linux_flags.predict(guest, self.lost)

    def faults(self):
        """All that is not as it must be."""
        if self.boot.shown is None or self.said is None or self.boot.status != 0:
            return [f"the guest did not boot to its end: status {self.boot.status}", *self.boot.last_words()]
        found = []
        if self.boot.shown["verdict"] not in ("exact", "runtime"):
            found.append(f"verdict {self.boot.shown['verdict']}: {json.dumps(self.boot.shown['differenceSets'])}")
        signature = self.expanded["signature"]
        identity = {"vendor_id": self.expanded["vendor"], "cpu family": signature["family"]}
        identity |= {"model": signature["model"], "stepping": signature["stepping"]}
        for word, wanted in identity.items():
            if self.said[word] != str(wanted):
                found.append(f"{word} is {self.said[word]} and not {wanted}")
        expected, seen = self.expected(), set(self.said["flags"].split())
        found += [f"the guest lacks {flag}: {expected[flag]}" for flag in sorted(set(expected) - seen)]
        return found + [f"the guest has {flag}, which nothing gives it" for flag in sorted(seen - set(expected))]

    def summary(self):
        expected = self.expected()
        of_linux = sum(reason != linux_flags.THE_MODEL for reason in expected.values())
        words = [f"{len(expected) - of_linux} flags of the model and the VMM, {of_linux} of Linux' own"]
        if self.lost:
            words.append("without XSAVE, for the emulator does not tell KVM of XSETBV")
        return ", ".join([f"{self.said['release']}, {self.boot.shown['verdict']}", *words])

    def record(self):
        return {
            "model": f"qemu {self.model}", "verdict": (self.boot.shown or {}).get("verdict"), "cpuinfo": self.said,
            "expected": self.expected() if self.said else None, "seconds": round(self.boot.seconds),
        }  # fmt: skip


def all_models(daemon):
    for model in sys.argv[1:] or MODELS:
        trial = Trial(daemon, model)
        faults = trial.faults()
        yield trials.Outcome(model, faults, None if faults else trial.summary(), trial.record())


if __name__ == "__main__":
    sys.exit(trials.run(all_models))
