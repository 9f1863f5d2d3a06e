# SPDX-License-Identifier: Apache-2.0
"""The Swift client: a launcher in Swift in a process of its own."""

import json
import subprocess
import unittest

from cases import DaemonCase, needs_kvm
from harness import BINARIES

PROGRAM = BINARIES / "cpumodel-launch-swift"


@needs_kvm
@unittest.skipUnless(PROGRAM.exists(), "there is no cpumodel-launch-swift: build all of it")
class Swift(DaemonCase):
    def launch(self, *arguments):
        command = [str(PROGRAM), self.daemon.socket_path, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, json.loads(done.stdout)

    def test_it_applies_and_is_read_and_detaches(self):
        status, said = self.launch("host", "accept")
        self.assertEqual(status, 0, said)
        recorder = self.connect()
        result = self.apply(self.make_vm(3), recorder)
        for member in ("model", "verdict", "stamp", "executor"):
            self.assertEqual(said[member], result[member])
        self.assertEqual(said["apicIds"], [0, 1, 2])
        self.assertEqual((said["agent"], said["sources"]), ("attached", ["kernel"] * 3))
        self.assertEqual(said["computed"], [len(recorder.asked[vcpu]) for vcpu in range(3)])
        self.assertNotIn("swift", self.registered())

    def test_it_is_told_why_not(self):
        status, said = self.launch("EPYC-Milano")
        self.assertEqual((status, said["error"]["kind"], said["error"]["code"]), (1, "unknownModel", -32001))
        self.assertEqual(said["error"]["data"]["model"], "EPYC-Milano")

    def test_no_daemon(self):
        command = [str(PROGRAM), "/nonexistent/cpumodeld.sock", "host"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        self.assertEqual((done.returncode, json.loads(done.stdout)["error"]["kind"]), (1, "connection"))
