#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs cpumodeld's Debian package on a Debian with a systemd of its own, and uses it as an operator would.

    Tests/System/run.py --deb cpumodeld.deb [--limit SECONDS] [--suite NAME] container|vm

README.md beside this file says what is done. It needs root.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import container
import machine
import rootfs

ROOT = pathlib.Path(__file__).resolve().parents[2]


def prepare(job, options):
    """Everything that the system under test gets from outside, in one folder."""
    shutil.copy(options.deb, job / "old.deb")
    make_newer(options.deb, job)
    for folder in ("Tests/System/inside", "Tests/EndToEnd"):
        shutil.copytree(ROOT / folder, job / folder)
    shutil.copy(ROOT / "Tests/System/inside" / container.UNIT, job)


def make_newer(package, job):
    """The same package with a higher version, to upgrade to."""
    tree = job / "newer"
    rootfs.run(["dpkg-deb", "--raw-extract", package, tree])
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+newer", control.read_text()))
    build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build"]
    rootfs.run([*build, tree, job / "new.deb"], stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


class Transcript:
    """What is said, for people on stdout and in a file; and how many steps went well."""

    def __init__(self, path):
        self.path, self.sum = path, None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "w", encoding="utf-8")

    def line(self, text):
        text = text.rstrip("\r")
        if re.fullmatch(r"\d+ passed, \d+ failed, \d+ skipped", text):
            self.sum = text
            return
        print(text, flush=True)
        self._file.write(text + "\n")

    def close(self):
        self._file.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("where", choices=("container", "vm"), help="this machine's kernel, or an emulated host's")
    parser.add_argument("--deb", type=pathlib.Path, required=True, help="the package")
    parser.add_argument("--suite", help="which Debian, such as trixie [this machine's]")
    parser.add_argument("--limit", type=int, default=2400, metavar="SECONDS", help="longest run [2400]")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / ".build/system", help="where the results go")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("run.py: only root can build and start a system: sudo make test-system", file=sys.stderr)
        return 1
    try:
        return run(options, options.out / options.where)
    except rootfs.Unprepared as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1


def run(options, out):
    started = time.monotonic()
    tree = rootfs.tree(options.suite)
    shutil.rmtree(out, ignore_errors=True)
    transcript = Transcript(out / "transcript")
    boot = {"container": container.boot, "vm": machine.boot}[options.where]
    with tempfile.TemporaryDirectory(prefix="cpumodeld-system-", dir=rootfs.cache()) as folder:
        job = pathlib.Path(folder)
        job.chmod(0o755)
        prepare(job, options)
        status = boot(tree, job, options.limit, transcript.line)
        transcript.close()
        for name in ("console", "journal"):
            if (job / name).exists():
                shutil.copy(job / name, out / name)
    if status is None:
        print("it did not come to the end of its job; the console ended:")
        for line in (out / "console").read_text(errors="replace").splitlines()[-15:]:
            print(f"    {line}")
    print(f"{time.monotonic() - started:.0f} s; results are in {out}")
    print(transcript.sum or "0 passed, 1 failed, 0 skipped")
    return 0 if status == 0 else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
