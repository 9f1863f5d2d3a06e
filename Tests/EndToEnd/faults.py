# SPDX-License-Identifier: Apache-2.0
"""What tests of faults have in common: a daemon of their own, in a world that they take to pieces around it."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import unittest

import cpumodel
import kvm
from cases import DaemonCase
from harness import Daemon, Recorder, binary

needs_root = unittest.skipIf(os.getuid() != 0, "needs root")


class FaultCase(DaemonCase):
    """A daemon for each test, which `start()` starts; it must be as it was when the fault is over."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.notes = []
        self.daemon = Daemon()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        self.directory = pathlib.Path(self.daemon.directory)

    def start(self, *options):
        self.daemon._options = options
        self.daemon.start()
        if kvm.why_unusable() is None:  # so that whatever the daemon opens once is open
            with contextlib.suppress(cpumodel.RPCError), contextlib.closing(kvm.VM()) as vm:
                with self.daemon.connect() as client:
                    client.detach(client.apply(vm.vcpus, name="first", model="host", altered="accept"))
        self.before = self.daemon.settled_descriptors()

    def run_in(self, *lines):
        """Has the daemon started behind these commands, in a mount namespace of its own: nobody else sees what they do."""
        script = self.directory / "run"
        inner = "\n".join(["set -e", *lines, 'exec "$0" "$@"'])
        script.write_text(f"#!/bin/sh\nexec unshare -m /bin/sh -c '{inner}' {binary('cpumodeld')} \"$@\"\n")
        script.chmod(0o755)
        self.daemon.program = str(script)
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", self.directory], check=False).returncode:
            self.skipTest("nothing can be mounted here")

    def wrap(self, *lines):
        """Has the daemon started by a script that does this before."""
        script = self.directory / "run"
        script.write_text("\n".join(["#!/bin/sh", *lines, f'exec {binary("cpumodeld")} "$@"\n']))
        script.chmod(0o755)
        self.daemon.program = str(script)

    def mount(self, size="512k"):
        """A small disk of its own, which everybody sees; its directory."""
        disk = self.directory / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", disk], check=False).returncode:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk

    def check_serves(self, kvm_is_there=True):
        """The next client is served, as if nothing had been."""
        self.assertIsNone(self.daemon.process.poll(), f"cpumodeld died:\n{self.daemon.log()}")
        with self.daemon.connect(query=True) as client:
            self.assertEqual(client.call("daemon.status")["pid"], self.daemon.process.pid)
            client.call("model.show", {"model": "EPYC-Milan"})
        if kvm_is_there and kvm.why_unusable() is None:
            with self.daemon.connect(Recorder) as client, contextlib.closing(kvm.VM()) as vm:
                self.apply(vm, client)

    def check_is_as_before(self):
        """The same descriptors are open, and no VM of this test is registered."""
        self.forget_all()
        self.assertEqual(self.registered(), set())
        self.check_descriptors_are_as_before()

    def forget_all(self):
        for name in self.registered():
            self.forget(name)

    def log_since(self, mark=0):
        return self.daemon.log_path.read_text(errors="replace")[mark:]

    def status(self, member):
        """A line of the daemon's /proc/PID/status."""
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as lines:
            return next(line.split(maxsplit=1)[1].strip() for line in lines if line.startswith(f"{member}:"))

    def tool(self, name):
        if not (path := shutil.which(name)):
            self.skipTest(f"there is no {name} here")
        return path
