# SPDX-License-Identifier: Apache-2.0
"""The units: that systemd takes them without a word, what they leave open, and what feeds the watchdog."""

import ctypes
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from harness import BINARIES, ROOT, Daemon

UNITS = ROOT / "systemd"
# systemd's own figures, out of 10. The injector may trace, which weighs 0.3 alone.
EXPOSURE = {"cpumodeld.service": 1.0, "cpumodeld-inject.service": 1.0}


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-units-"))
        self.addCleanup(shutil.rmtree, self.directory)
        for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.socket")]:
            # As they are installed, but for where.
            text = unit.read_text().replace("/usr/bin/cpumodel", f"{BINARIES}/cpumodel")
            (self.directory / unit.name).write_text(text)

    def analyze(self, *arguments):
        return subprocess.run(
            ["systemd-analyze", *arguments], capture_output=True, text=True, env={**os.environ, "SYSTEMD_COLORS": "0"}
        )

    def test_systemd_takes_the_units_without_a_word(self):
        # Manual pages are looked for on this machine, where they need not be.
        result = self.analyze("verify", "--man=no", *sorted(map(str, self.directory.iterdir())))
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))

    def test_an_unknown_key_would_be_noticed(self):
        unit = self.directory / "cpumodeld.service"
        unit.write_text(unit.read_text().replace("UMask=", "UMaske="))
        result = self.analyze("verify", "--man=no", str(unit))
        self.assertIn("UMaske", result.stdout + result.stderr)

    def test_services_leave_little_open(self):
        for name, most in EXPOSURE.items():
            with self.subTest(name):
                result = self.analyze("security", "--offline=true", "--no-pager", str(self.directory / name))
                level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
                self.assertIsNotNone(level, result.stdout + result.stderr)
                self.assertLessEqual(float(level[1]), most, result.stdout)

    def test_only_the_injector_may_trace(self):
        for name in EXPOSURE:
            capabilities = re.findall(r"^(?:CapabilityBoundingSet|AmbientCapabilities)=(.*)$", self.text(name), re.M)
            self.assertEqual(set(capabilities), {"CAP_SYS_PTRACE" if "inject" in name else ""}, name)

    def test_sockets_are_where_the_daemon_and_its_clients_look(self):
        configuration = (ROOT / "config/cpumodeld.conf").read_text()
        units = {"Socket": "cpumodeld", "QuerySocket": "cpumodeld-query", "InjectSocket": "cpumodeld-inject"}
        for key, unit in units.items():
            default = re.search(rf"^#{key}=(\S+)$", configuration, re.M)[1]
            listens = re.search(r"^Listen\w+=(\S+)$", self.text(f"{unit}.socket"), re.M)[1]
            self.assertEqual(listens, default)
            # A service with a RuntimeDirectory= is given all that lies in it, also the sockets.
            folder = os.path.relpath(os.path.dirname(listens), "/run")
            self.assertNotRegex(self.text("cpumodeld.service"), rf"(?m)^RuntimeDirectory=(.* )?{folder}( |$)")

    def test_the_injector_is_off_until_it_is_enabled(self):
        for name in ("cpumodeld.service", "cpumodeld.socket", "cpumodeld-query.socket"):
            self.assertNotRegex(self.text(name), r"(?m)^(Also|Wants|Requires|Upholds)=.*inject")
        self.assertNotIn("[Install]", self.text("cpumodeld-inject.service"))

    def text(self, name):
        return (UNITS / name).read_text()


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # __WALL of wait(2): also threads
WATCHDOG_SECONDS = 0.3


class Watchdog(unittest.TestCase):
    def setUp(self):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.daemon = Daemon()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        self.daemon.start(notify=self.notify, WATCHDOG_USEC=str(int(WATCHDOG_SECONDS * 1e6)))

    def fed_within(self, seconds):
        """Whether WATCHDOG=1 comes within this time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.notify], [], [], left)[0] and b"WATCHDOG=1" in self.notify.recv(65536).split(b"\n"):
                return True
        return False

    def ptrace(self, request):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        libc.ptrace.restype = ctypes.c_long
        if libc.ptrace(request, self.daemon.process.pid, None, None) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def test_is_fed_by_the_event_loop_alone(self):
        for _ in range(3):
            self.assertTrue(self.fed_within(20))
        # The thread of the event loop and no other; to the kernel it has the number of the process.
        try:
            self.ptrace(PTRACE_SEIZE)
        except PermissionError:
            self.skipTest("no process may be traced here")
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.daemon.process.pid, WALL)
        while select.select([self.notify], [], [], 0)[0]:
            self.notify.recv(65536)
        self.assertFalse(self.fed_within(4 * WATCHDOG_SECONDS))
        self.ptrace(PTRACE_DETACH)
        self.assertTrue(self.fed_within(20))
