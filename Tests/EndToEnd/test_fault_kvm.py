# SPDX-License-Identifier: Apache-2.0
"""/dev/kvm may not be opened, is something else, comes or goes: what needs no KVM works, and all else says why it does not."""

import os
import re
import stat
import subprocess

from cases import needs_kvm
from faults import FaultCase, needs_root
from owners import Owner

SOMEBODY = 65534


@needs_root
@needs_kvm
class NoKVM(FaultCase):
    def setUp(self):
        super().setUp()
        self.node = self.directory / "kvm"

    def make_node(self, mode):
        """A /dev/kvm that only this daemon sees."""
        try:
            os.mknod(self.node, stat.S_IFCHR | mode, os.stat("/dev/kvm").st_rdev)
            self.node.chmod(mode)
        except OSError as error:
            self.skipTest(f"no device can be made here: {error}")
        self.run_in(f"mount --bind {self.node} /dev/kvm")

    def check_refused(self, *errors):
        """Queries are answered, and whatever needs KVM is refused with the reason."""
        with self.connect(query=True) as client:
            status = client.call("daemon.status")
            self.assertIsNone(status.get("host"))
            for word in errors:
                self.assertIn(word, status["hostProblem"])
            client.call("model.compare", {"first": {"model": "EPYC-Milan"}, "second": {"model": "EPYC-Rome"}})
            self.assertIsNone(client.call("model.list")["models"][0].get("usable"))
            for method, params in (("host.describe", {}), ("table.compute", {"model": "EPYC-Milan"})):
                with self.fails("hostUnavailable"):
                    client.call(method, params)
        vm, before = self.make_vm(2), self.daemon.settled_descriptors()
        with self.fails("hostUnavailable") as caught:
            self.connect().call("vm.apply", {"name": "bad", "model": "EPYC-Milan"}, vm.vcpus)
        for word in errors:
            self.assertIn(word, f"{caught.exception.message} {caught.exception.data}")
        self.assertEqual(vm.tables(), [[]] * 2)
        self.assertEqual(self.vm_list(), [])
        self.assertRegex(self.log_since(), rf"(?m)^cpumodeld: host-unavailable: .*{re.escape(errors[0])}")
        self.eventually(
            lambda: [link for link in self.daemon.descriptors() if "kvm" in link]
            == [link for link in before if "kvm" in link],
            "descriptors are left",
        )

    def check_host_is_there(self):
        status = self.call("daemon.status")
        self.assertIsNotNone(status.get("host"))
        self.assertIsNone(status.get("hostProblem"))
        self.assertIsNotNone(self.call("model.list")["models"][0].get("usable"))
        self.check_serves()

    def test_something_else_is_there(self):
        self.run_in("mount --bind /dev/null /dev/kvm")
        self.start()
        self.check_refused("ENOTTY")

    def test_it_comes(self):
        self.node.touch()
        self.run_in(f"mount --bind {self.node} /dev/kvm")
        self.start("--history", str(self.directory))
        self.check_refused("ENOTTY")
        self.assertFalse((self.directory / "host.json").exists())
        process = str(self.daemon.process.pid)
        subprocess.run(["nsenter", "--target", process, "--mount", "umount", "/dev/kvm"], check=True)
        self.check_host_is_there()
        self.assertEqual(len(re.findall("(?m)^cpumodeld: host-available: ", self.log_since())), 1)
        self.assertTrue((self.directory / "host.json").exists(), "the host's history has not begun")

    def test_without_permission_and_then_with(self):
        self.make_node(0)
        setpriv = self.tool("setpriv")
        script = self.directory / "run"
        text = script.read_text().replace('exec "$0"', f'exec {setpriv} --reuid {SOMEBODY} --clear-groups "$0"')
        script.write_text(text)
        os.chown(self.directory, SOMEBODY, -1)
        self.addCleanup(os.umask, os.umask(0))  # so that it can tell that it is ready
        self.start()
        self.assertEqual(self.status("Uid").split()[0], str(SOMEBODY))
        self.check_refused("EACCES")
        self.node.chmod(0o666)
        self.check_host_is_there()

    def test_it_goes(self):
        """The owners of VMs make the ioctls: what a daemon has once asked it need not ask again."""
        self.run_in("true")
        self.start()
        owner = Owner(self.daemon, "stays")
        self.addCleanup(owner.kill)
        process = str(self.daemon.process.pid)
        subprocess.run(
            ["nsenter", "--target", process, "--mount", "mount", "--bind", "/dev/null", "/dev/kvm"], check=True
        )
        self.check_serves()
        self.assertEqual(self.call("vm.caps", {"vm": "stays", "deadlineMs": 20000})["vcpus"][0]["source"], "kernel")
        # A daemon that is started without it knows its VMs, and says nothing that it cannot know.
        self.daemon.kill()
        self.daemon.program = None
        self.run_in("mount --bind /dev/null /dev/kvm")
        self.daemon.start()
        self.assertIn("stays", self.registered())
        with self.fails("hostUnavailable"):
            self.call("vm.caps", {"vm": "stays", "deadlineMs": 20000})
        owner.kill()
        self.eventually(lambda: "stays" not in self.registered(), "a VM whose owner has ended is registered")
