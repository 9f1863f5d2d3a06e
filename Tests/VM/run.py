#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests on hosts with real kvm_amd and kvm_intel that are emulated, so no /dev/kvm is needed.

    Tests/VM/run.py [--bin DIRECTORY] [--suite 'NAME ARGUMENT...']... MACHINE...

README.md beside this file says what there is.
"""

import argparse
import collections
import pathlib
import re
import shlex
import shutil
import sys
import tempfile
import time

import debian
import nested
from initramfs import Archive
from machines import MACHINES

ROOT = pathlib.Path(__file__).resolve().parents[2]
THERE = "/cpumodeld"  # the project's folder in the emulated host
PROGRAMS = ("cpumodeld", "cpumodelctl", "cpumodel-launch")
DOORS = ("cpumodel-exec", "libcpumodel-preload.so", "cpumodeld-inject")
BUNDLE = "cpumodeldPackageTests.xctest"
HELPER = "kvm-test-process"  # of the tests in it
FEATURES = "Sources/CFeatureRegistry/features.list"
RESULT = "@result "  # begins a line for programs
CONSOLE_TAIL = 25

SUITES = {
    "models": "python3 Tests/VM/inside/models.py",
    "end-to-end": "python3 Tests/EndToEnd/run.py",
    "qemu": "python3 Tests/VM/inside/qemu.py",
    "vmx": "python3 Tests/VM/inside/vmx.py",
    "refused": "python3 Tests/VM/inside/refused.py",
    "unit": f"NO_COLOR=1 python3 Tests/VM/inside/unit.py bin/{BUNDLE}",
    "unnested": f"NO_COLOR=1 python3 Tests/VM/inside/unnested.py bin/{BUNDLE}",
}


def job(suites):
    """The script that runs in the emulated host: suites in a row, and the worst status."""
    lines = [
        f"cd {THERE}",
        f"export CPUMODELD_BIN_DIR={THERE}/bin HOME=/root PYTHONDONTWRITEBYTECODE=1 SWIFT_BACKTRACE=enable=no",
        "export CPUMODELD_TEST_PATIENCE=5 CPUMODELD_TEST_TIMEOUT=300",
        "worst=0",
    ]
    for name, *arguments in suites:
        lines += [f"echo '== {name}'", f"{SUITES[name]} {shlex.join(arguments)} || worst=$?"]
    return "\n".join([*lines, "exit $worst", ""])


def write_initramfs(path, kernel, binaries, suites):
    names = {name for name, *_ in suites}
    with open(path, "wb") as file:
        archive = Archive(file)
        archive.file("/bin/busybox", shutil.which("busybox"), 0o755)
        archive.python()
        for name in PROGRAMS:
            archive.program(f"{THERE}/bin/{name}", binaries / name)
        if names & {"end-to-end", "qemu"}:
            for name in DOORS:
                archive.program(f"{THERE}/bin/{name}", binaries / name)
        if names & {"unit", "unnested"}:
            for name in (BUNDLE, HELPER):
                archive.program(f"{THERE}/bin/{name}", binaries / name)
        if "qemu" in names:
            nested.add_vmm(archive, kernel, ROOT / "Tests/VM/inside/guest-init")
        if names & {"qemu", "vmx"}:
            archive.file(f"{THERE}/{FEATURES}", ROOT / FEATURES)
        for folder in ("config", "Tests/EndToEnd", "Tests/VM/inside"):
            archive.tree(f"{THERE}/{folder}", ROOT / folder)
        for name, module in kernel.modules.items():
            archive.file(f"/modules/{name}.ko", module)
        init = (ROOT / "Tests/VM/init").read_text().replace("@LIBRARY_PATH@", ":".join(sorted(archive.library_folders)))
        archive.data("/init", init.encode(), 0o755)
        archive.data("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        archive.data("/etc/group", b"root:x:0:\n")
        archive.data("/job", job(suites).encode())
        archive.end()


class Transcript:
    """What a run says: for people on stdout and in a file, for programs in another, and its sum."""

    def __init__(self, folder):
        self.counts = collections.Counter()
        self._text = open(folder / "transcript", "w", encoding="utf-8")
        self._results = open(folder / "results.jsonl", "w", encoding="utf-8")

    def line(self, line):
        line = line.rstrip("\r")
        if line.startswith(RESULT):
            self._results.write(line[len(RESULT):] + "\n")
            return
        self._count(line)
        print(line, flush=True)
        self._text.write(line + "\n")

    def _count(self, line):
        if re.fullmatch(r"\d+ passed, \d+ failed, \d+ skipped", line):
            for number, word in re.findall(r"(\d+) (\w+)", line):
                self.counts[word] += int(number)

    def close(self):
        self._text.close()
        self._results.close()


def run(machine, kernel, options, out):
    """Whether all went well on one machine."""
    folder = out / machine.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    transcript = Transcript(folder)
    print(f"==== {machine.name}: {machine.cpu} of {machine.emulator}, {kernel.version}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cpumodeld-vm-", dir=debian.cache()) as work:
        work = pathlib.Path(work)
        write_initramfs(work / "initramfs", kernel, options.bin, options.suite)
        run = machine.boot(kernel, work / "initramfs", work, options.limit)
        run.follow(transcript.line)
        transcript.close()
        shutil.copy(run.console, folder / "console")
        status = run.status()
        if run.timed_out or status is None:
            explain(run)
        if status != 0 and not transcript.counts["failed"]:
            transcript.counts["failed"] = 1
    print(f"==== {machine.name}: {ending(run, status)}, {time.monotonic() - started:.0f} s", flush=True)
    return transcript.counts, status == 0 and not run.timed_out


def ending(run, status):
    if run.timed_out:
        return f"no end after {run.limit} s"
    if status is None:
        return "it stopped before its job had ended"
    return "passed" if status == 0 else f"failed with status {status}"


def explain(run):
    print("the console ended:")
    for line in run.console_lines()[-CONSOLE_TAIL:]:
        print(f"    {line}")
    for line in run.emulator_lines()[-CONSOLE_TAIL:]:
        print(f"    {run.machine.emulator}: {line}")


def suite(text):
    """A suite and its arguments, out of one argument as a shell would read it."""
    words = shlex.split(text)
    if not words or words[0] not in SUITES:
        raise argparse.ArgumentTypeError(f"there is no suite '{text}', only {', '.join(SUITES)}")
    return words


def read_options():
    names = [*(machine.name for machine in MACHINES), "all"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("machine", nargs="+", choices=names, metavar="MACHINE", help=", ".join(names))
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / ".build/debug", help="where the programs are")
    parser.add_argument(
        "--suite", action="append", type=suite, metavar="'NAME ARGUMENT...'",
        help=f"what to run, of {', '.join(SUITES)}, with its own arguments [models]",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, default=2700, metavar="SECONDS", help="longest run of a machine [2700]")
    parser.add_argument("--out", type=pathlib.Path, help="where the results go [.build/vm]")
    options = parser.parse_args()
    options.suite = options.suite or [["models"]]
    options.bin = options.bin.absolute()
    options.out = (options.out or ROOT / ".build/vm").absolute()
    return options


def main():
    options = read_options()
    machines = [machine for machine in MACHINES if {machine.name, "all"} & set(options.machine)]
    try:
        vmm = {"qemu"} if any(name == "qemu" for name, *_ in options.suite) else set()
        debian.install({machine.emulator for machine in machines} | vmm)
        kernel = debian.kernel()
    except debian.Unprepared as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    counts, good = collections.Counter(), True
    for machine in machines:
        more, well = run(machine, kernel, options, options.out)
        counts += more
        good = good and well
    print(f"results are in {options.out}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if good and counts["passed"] else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
