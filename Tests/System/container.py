# SPDX-License-Identifier: Apache-2.0
"""Boots the small Debian in a container: its own systemd is PID 1, the kernel is this machine's."""

import contextlib
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

import rootfs

SHARED = "/run/cpumodeld-test"  # the job's folder in the container
UNIT = "cpumodeld-test.service"
# What would only wait for hardware or for a network that the container has not.
MASKED = ("systemd-networkd.service", "systemd-timesyncd.service", "systemd-firstboot.service", "timers.target")


def boot(tree, job, limit, line):
    """Runs the job's unit to its end, and gives `line` each line that it says; its exit status, or None."""
    rootfs.install(systemd_nspawn="systemd-container")
    with tempfile.TemporaryDirectory(prefix="cpumodeld-units-") as units, ControlGroup() as group:
        shutil.copy(job / UNIT, units)
        for unit in MASKED:
            os.symlink("/dev/null", f"{units}/{unit}")
        output = job / "output"
        os.mkfifo(output)
        # Open for writing too, so that reading does not end before the container does.
        holder = os.open(output, os.O_RDWR)
        command = [
            "systemd-nspawn", "--quiet", f"--directory={tree}", "--volatile=overlay", "--boot", "--register=no",
            "--private-network", "--link-journal=no", "--console=pipe",
            f"--bind={job}:{SHARED}", f"--bind={units}:/run/systemd/system", *group.options,
            "--", f"--unit={UNIT}", "--show-status=no",
        ]  # fmt: skip
        # A filter of the container's own would be in every process, as on no host, and the injector would refuse them.
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_SECCOMP": "0"}
        with open(job / "console", "wb") as console:
            container = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                preexec_fn=group.enter,
            )  # fmt: skip
        try:
            follow(holder, container, time.monotonic() + limit, line)
        finally:
            container.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                container.wait(20)
            container.kill()
            container.wait()
            os.close(holder)
    status = job / "status"
    return int(status.read_text()) if status.exists() else None


def follow(output, container, deadline, line):
    """Passes lines on until the container has ended, or the time is over."""
    rest = b""
    while True:
        ended = container.poll() is not None or time.monotonic() > deadline
        while select.select([output], [], [], 0 if ended else 0.1)[0]:
            rest += os.read(output, 65536)
            *lines, rest = rest.split(b"\n")
            for each in lines:
                line(each.decode(errors="replace"))
        if ended:
            break
    if rest:
        line(rest.decode(errors="replace"))


class ControlGroup:
    """Where this machine has no systemd to ask for one: a control group of its own, in whatever hierarchies it has."""

    def __init__(self):
        self.own = []
        self.options = []
        if pathlib.Path("/run/systemd/system").exists():
            self.options = ["--property=DeviceAllow=char-misc rwm"]
            return
        self.options = ["--keep-unit"]
        base = pathlib.Path("/sys/fs/cgroup")
        for hierarchy in (base / "unified", base / "systemd", base):
            if (hierarchy / "cgroup.procs").exists():
                self.own.append(hierarchy / f"cpumodeld-test-{os.getpid()}")

    def __enter__(self):
        for group in self.own:
            group.mkdir()
        return self

    def enter(self):
        for group in self.own:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def __exit__(self, *_):
        for group in self.own:
            for folder in sorted(group.rglob("*"), reverse=True):
                if folder.is_dir():
                    with contextlib.suppress(OSError):
                        folder.rmdir()
            with contextlib.suppress(OSError):
                group.rmdir()
