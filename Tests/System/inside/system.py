# SPDX-License-Identifier: Apache-2.0
"""The system under test: commands as one types them, shown with what they say, and waiting for what takes a while."""

import json
import os
import shlex
import subprocess
import time

PATIENCE = 60  # seconds, for what systemd and the daemon do by themselves; an emulated host is slow
SHOWN_LINES = 12


class Failure(Exception):
    """Something is not as it must be; the text says what."""


def need(condition, text):
    if not condition:
        raise Failure(text)


def become(user):
    """What stands before a command that another user gives."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user else []


def sh(command, user=None, status=0, show=True):
    """Runs a shell's command, as another user if wanted, and gives what it said. `status` None: any."""
    if show:
        print(f"      {user + '$' if user else '#'} {command}")
    done = subprocess.run(
        [*become(user), "sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=5 * PATIENCE,
    )  # fmt: skip
    if show:
        lines = done.stdout.splitlines()
        for line in lines[:SHOWN_LINES]:
            print(f"        {line[:200]}")
        if len(lines) > SHOWN_LINES:
            print(f"        ... {len(lines) - SHOWN_LINES} more lines")
    if status is not None and done.returncode != status:
        raise Failure(f"status {done.returncode} of {command}: {done.stdout.strip()[-600:]}")
    return done.stdout


def eventually(condition, text, patience=PATIENCE):
    """Waits until `condition()` gives something that is true, and gives that."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        need(time.monotonic() < deadline, f"{text}, for {patience} s")
        time.sleep(0.1)


# ---- systemd -------------------------------------------------------------------------------


def prop(unit, name):
    return sh(f"systemctl show --property={name} --value {unit}", show=False).strip()


def is_active(unit):
    return prop(unit, "ActiveState") == "active"


def main_pid():
    return int(prop("cpumodeld.service", "MainPID"))


def journal(*matches):
    """Entries of the journal that match, oldest first."""
    command = ["journalctl", "--quiet", "--output=json", "--all", *matches]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def await_entry(text, *matches):
    """The first entry that matches, once it is there: the journal is written by another process."""
    return eventually(lambda: journal(*matches), f"the journal has no {text} ({' '.join(matches)})")[0]


# ---- cpumodeld -----------------------------------------------------------------------------


def ctl(arguments, user="watcher"):
    """An answer of the daemon's, as JSON."""
    said = sh(f"cpumodelctl --json {arguments}", user=user, show=False)
    return json.loads(said)


def registered():
    return {vm["vm"]: vm for vm in ctl("vms")["vms"]}


class Launcher:
    """A process of an unprivileged user that holds a VM."""

    def __init__(self, name, *options, user="launcher"):
        command = ["cpumodel-launch", "--name", name, "--vcpus", "2", "--altered", "accept", "--hold", "3600", *options]
        print(f"      {user}$ {shlex.join(command)} &")
        self.name = name
        self.process = subprocess.Popen(
            [*become(user), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2):
            line = self.process.stdout.readline()
            need(line, f"the launcher of {name} has ended")
            print(f"        {line.rstrip()}")

    def lives(self):
        return self.process.poll() is None

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def files():
    """Every file and folder that is not the kernel's, a log, a cache, or what package management keeps for itself."""
    leave_out = ("/proc", "/sys", "/dev", "/tmp", "/run/cpumodeld-test", "/var/log", "/var/cache", "/var/lib/dpkg")
    found = set()
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in leave_out]
        found.update(os.path.join(folder, name) for name in (*folders, *names))
    return found
