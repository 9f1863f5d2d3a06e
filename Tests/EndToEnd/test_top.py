# SPDX-License-Identifier: Apache-2.0
"""cpumodelctl watch and top: events as they happen, and a screen in a real terminal that is put back as it was."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from cases import needs_kvm
from harness import Daemon, binary
from test_caps import OSXSAVE
from test_ctl import UNREACHABLE, USAGE, ctl
from test_operators import OperatorCase

TIMEOUT = 30
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class Screen:
    """A terminal: a program on a pty, and what the program has made of the screen."""

    def __init__(self, *arguments, rows=12, columns=90):
        self.grid, self.row, self.column = {}, 0, 0
        self.pending, self.text = b"", ""
        self.alternate, self.has_cursor = False, True
        self.saved = ({}, 0, 0)
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
        environment.pop("COLUMNS", None)
        self.process = subprocess.Popen(
            [binary("cpumodelctl"), *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment,
            preexec_fn=self._take_terminal,
        )  # fmt: skip

    @staticmethod
    def _take_terminal():
        os.setsid()
        for number in ENDING:  # whoever runs the tests may ignore some
            signal.signal(number, signal.SIG_DFL)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def read(self, timeout=0.1):
        """Takes in what the program has written."""
        if select.select([self.master], [], [], timeout)[0]:
            with contextlib.suppress(OSError):  # EIO: the program has ended
                self._take(os.read(self.master, 65536))
                return True
        return False

    def _take(self, data):
        self.pending += data
        while self.pending:
            match = re.match(rb"\x1b\[(\??)([0-9;]*)([A-Za-z~])|[^\x1b]", self.pending, re.S)
            if match is None:
                assert len(self.pending) < 16, f"no terminal knows {self.pending[:16]!r}"
                return
            self.pending = self.pending[match.end() :]
            if match[3] is None:
                self._character(match[0])
            else:
                self._sequence(match[1] + match[3], match[2].decode())

    def _character(self, byte):
        if byte == b"\r":
            self.column = 0
        elif byte == b"\n":
            self.row += 1
            assert self.row < self.rows or not self.alternate, "the screen has scrolled"
        else:
            if not self.alternate and self.column == self.columns:
                self.row, self.column = self.row + 1, 0
            assert self.column < self.columns, f"row {self.row} is too long"
            self.grid[self.row, self.column] = byte.decode("latin-1")
            self.column += 1

    def _sequence(self, kind, parameters):
        if kind == b"H":
            assert parameters == ""
            self.row = self.column = 0
        elif kind == b"K":
            self._erase(lambda at: at[0] == self.row and (parameters == "2" or at[1] >= self.column))
        elif kind == b"J":
            self._erase(lambda at: parameters == "2" or at >= (self.row, self.column))
        elif kind in (b"?h", b"?l"):
            if parameters == "1049" and self.alternate != (kind == b"?h"):
                # The screen of the shell stays as it is, and the other one begins empty.
                self.alternate = kind == b"?h"
                self.saved, now = (self.grid, self.row, self.column), self.saved
                self.grid, self.row, self.column = ({}, 0, 0) if self.alternate else now
            elif parameters == "25":
                self.has_cursor = kind == b"?h"
        elif kind != b"m":
            raise AssertionError(f"no terminal knows {kind} {parameters}")

    def _erase(self, where):
        self.grid = {at: character for at, character in self.grid.items() if not where(at)}

    def lines(self):
        return [
            "".join(self.grid.get((row, column), " ") for column in range(self.columns)).rstrip()
            for row in range(self.rows)
        ]

    def wait_for(self, condition, text):
        deadline = time.monotonic() + TIMEOUT
        while True:
            if condition(self.lines()):
                return self.lines()
            if time.monotonic() > deadline:
                raise AssertionError(f"{text}:\n" + "\n".join(self.lines()))
            self.read()

    def wait(self):
        """The exit status, once the program has ended and everything that it has written is read."""
        deadline = time.monotonic() + TIMEOUT
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
        while self.read(0):
            pass
        return self.process.wait(1)

    def is_put_back(self):
        return not self.alternate and self.has_cursor and termios.tcgetattr(self.slave) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)


@needs_kvm
class Top(OperatorCase):
    def top(self, *arguments, **options):
        screen = Screen("top", "--socket", self.daemon.query_path, *arguments, **options)
        self.addCleanup(screen.close)
        screen.wait_for(lambda lines: lines[0].startswith("cpumodeld "), "nothing is shown")
        return screen

    @staticmethod
    def row(lines, name):
        return next((line for line in lines if line.startswith(name + " ")), "")

    def test_vms_are_shown_as_they_come_and_go(self):
        screen = self.top("--interval", "0.2")
        self.assertTrue(screen.alternate)
        self.assertFalse(screen.has_cursor)
        owner = self.owner(vcpus=2)
        lines = screen.wait_for(lambda lines: "kernel" in self.row(lines, owner.name), "the VM does not come")
        self.assertIn(" apic", self.row(lines, owner.name))
        owner.set_registers(1, cr4=owner.registers(1)["cr4"] | OSXSAVE)
        screen.wait_for(lambda lines: "osxsave 1/2" in self.row(lines, owner.name), "the change does not show")
        owner.kill()
        screen.wait_for(lambda lines: not self.row(lines, owner.name), "the VM stays")
        screen.type("q")
        self.assertEqual(screen.wait(), 0)
        self.assertTrue(screen.is_put_back())

    def test_resized(self):
        owners = [self.owner(agent=False) for _ in range(6)]
        screen = self.top(rows=12, columns=100)
        screen.wait_for(lambda lines: all(self.row(lines, owner.name) for owner in owners), "not all VMs are shown")
        screen.grid.clear()
        screen.resize(5, 40)
        lines = screen.wait_for(lambda lines: len([line for line in lines if line]) == 5, "the small screen is not full")
        self.assertIn("VERDICT"[:3], lines[1])
        self.assertEqual(sum(line.startswith("e2e-") for line in lines), 2)
        screen.type("G")
        last = sorted(owner.name for owner in owners)[-1]
        screen.wait_for(lambda lines: self.row(lines, last), "the last VM is not reached")
        screen.type("g")
        screen.wait_for(lambda lines: not self.row(lines, last), "the first VM is not reached")
        screen.resize(14, 120)
        screen.wait_for(lambda lines: all(self.row(lines, owner.name) for owner in owners), "not all VMs are shown again")
        screen.type("\x03")
        self.assertEqual(screen.wait(), 0)
        self.assertTrue(screen.is_put_back())

    def test_put_back_whatever_ends_it(self):
        for number in ENDING:
            screen = self.top()
            screen.process.send_signal(number)
            self.assertEqual(screen.wait(), -number)
            self.assertTrue(screen.is_put_back(), number)

    def test_daemon_ends(self):
        daemon = Daemon().start()
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        screen = Screen("top", "--socket", daemon.query_path)
        self.addCleanup(screen.close)
        screen.wait_for(lambda lines: lines[0].startswith("cpumodeld "), "nothing is shown")
        daemon.stop()
        self.assertEqual(screen.wait(), UNREACHABLE)
        self.assertTrue(screen.is_put_back())
        self.assertTrue(screen.lines()[0].startswith("cpumodelctl: "), screen.lines())

    def test_suspended_and_back(self):
        screen = self.top()
        screen.type("\x1a")
        pid, status = os.waitpid(screen.process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status), status)
        while screen.read(0):
            pass
        self.assertTrue(screen.is_put_back())
        screen.process.send_signal(signal.SIGCONT)
        screen.wait_for(lambda _: screen.alternate, "it does not come back")
        screen.type("q")
        self.assertEqual(screen.wait(), 0)
        self.assertTrue(screen.is_put_back())
        self.assertEqual(pid, screen.process.pid)

    def test_needs_a_terminal(self):
        done = ctl("top", "--socket", self.daemon.query_path)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertIn("needs a terminal", done.stderr)
        self.assertEqual(ctl("top", "--json", "--socket", self.daemon.query_path).returncode, USAGE)


@needs_kvm
class Watch(OperatorCase):
    def watch(self, *arguments):
        """A running watch that has begun, and its lines."""
        command = [binary("cpumodelctl"), "watch", "--socket", self.daemon.query_path, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, process.stdout.readline()

    def test_a_line_an_event(self):
        process, first = self.watch()
        self.assertTrue(first.startswith("Watching; VMs now: "), first)
        owner = self.owner(vcpus=2, agent=False)
        line = process.stdout.readline()
        self.assertRegex(line, rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC  {owner.name}: has its CPU, host on 2 vCPUs, \w+\n$")
        owner.kill()
        self.assertIn(f"{owner.name}: gone, its owner ended", process.stdout.readline())

    def test_json_lines(self):
        process, first = self.watch("--json", "--caps", "0.1")
        self.assertEqual(set(json.loads(first)), {"watch", "vms"})
        owner = self.owner()
        appeared = json.loads(process.stdout.readline())
        self.assertEqual((appeared["event"], appeared["vm"]), ("appeared", owner.name))
        owner.set_registers(0, cr4=owner.registers(0)["cr4"] | OSXSAVE)
        while True:
            event = json.loads(process.stdout.readline())
            if event["event"] == "capsChanged" and event["changes"].get("osxsave", {}).get("to", {}).get("value"):
                break

    def test_only_some_vms(self):
        name = self.name()
        process, _ = self.watch(name)
        self.owner(agent=False)
        self.owner(name=name, agent=False)
        self.assertIn(f" {name}: has its CPU", process.stdout.readline())

    def test_bad_interval(self):
        for seconds in ("0", "-1", "4000", "x"):
            self.assertEqual(ctl("watch", "--caps", seconds, "--socket", self.daemon.query_path).returncode, USAGE)


@needs_kvm
class Verify(OperatorCase):
    def test_as_recorded(self):
        owner = self.owner(vcpus=2)
        self.assertRegex(self.ask("verify", owner.name, "--deadline", "20000"), rf"{owner.name} +2 +as recorded")

    def test_status_tells_drift_and_doubt(self):
        self.owner(agent=False)
        text = self.ask("verify", "--all", status=1)
        self.assertIn("cannot be told", text)
        self.ask("verify", status=USAGE)
        self.ask("verify", "x", "--all", status=USAGE)
