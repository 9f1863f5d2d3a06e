# SPDX-License-Identifier: Apache-2.0
"""The module for launchers in Python, which all these tests use, as its users have it."""

import os
import subprocess
import sys
import unittest

import cpumodel
import kvm
from cases import DaemonCase, needs_kvm
from harness import ROOT, binary

MODULE = ROOT / "Sources/python"
EXAMPLE = """
import sys
import cpumodel, kvm

vm = kvm.VM(2)
with cpumodel.Connection() as daemon:
    result = daemon.apply(vm.vcpus, name="ten-lines", model="host", altered="accept")
    agent = cpumodel.Agent(result, vm.vcpus)
    assert agent.wait(20)
    caps = daemon.call("vm.caps", {"vm": "ten-lines", "source": "kernel", "deadlineMs": 20000})
    agent.close()
    daemon.detach(result)
print(result["executor"], caps["vcpus"][1]["source"])
"""


@needs_kvm
class Module(DaemonCase):
    def test_example(self):
        """Somebody else's program, with the installed module."""
        path = os.pathsep.join((str(MODULE), str(ROOT / "Tests/EndToEnd")))
        environment = {**os.environ, "PYTHONPATH": path, "CPUMODELD_SOCKET": self.daemon.socket_path}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", EXAMPLE], env=environment, capture_output=True, text=True, timeout=50,
            check=False,
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "owner kernel\n", ""))
        self.assertEqual(self.vm_list(), [])

    def test_detaching_twice_or_from_another_is_no_error(self):
        vm = self.make_vm(1)
        first = self.apply(vm, name="same")
        second = self.apply(vm, name="same", replace=True)
        with self.daemon.connect() as daemon:
            daemon.detach(first)
            self.assertIn("same", self.registered())
            daemon.detach(second)
            daemon.detach(second)
        self.assertNotIn("same", self.registered())

    def test_computed_is_what_is_applied(self):
        with self.daemon.connect() as daemon:
            computed = daemon.compute("host", topology={"cores": 2})
        recorder = self.connect()
        self.apply(self.make_vm(2), recorder)
        for vcpu, table in enumerate(computed["vcpus"]):
            self.assertEqual(kvm.from_json(table["cpuid"]), recorder.asked[vcpu])

    def test_agent_refuses_what_changes_something(self):
        vm = self.make_vm(1)
        connection = cpumodel._AgentConnection(self.daemon.socket_path)
        self.addCleanup(connection.close)
        with self.fails("ownerFault") as caught:
            connection.apply(vm.vcpus, name="changing", model="host")
        self.assertIn("only reads", caught.exception.message)
        self.assertTrue(caught.exception.data["restored"])


class Jobs(unittest.TestCase):
    def test_job_without_seals_is_refused(self):
        memfd = os.memfd_create("job", os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, memfd)
        os.truncate(memfd, 4096)
        with self.assertRaisesRegex(cpumodel.JobRefused, "sealed"):
            cpumodel.run_job(memfd, [])

    def test_file_that_is_no_memfd_is_refused(self):
        with open(__file__, "rb") as file, self.assertRaisesRegex(cpumodel.JobRefused, "sealed"):
            cpumodel.run_job(file.fileno(), [])

    def test_version_is_the_daemons(self):
        said = subprocess.run([binary("cpumodeld"), "--version"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(said.split()[-1], cpumodel.__version__)
