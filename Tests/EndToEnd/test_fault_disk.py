# SPDX-License-Identifier: Apache-2.0
"""A disk that is full or read-only: what was there stays, what cannot be kept is said, and requests are served."""

import errno
import os
import subprocess

from cases import needs_kvm
from faults import FaultCase, needs_root
from owners import Owner

MODEL = "[Model]\nName=%s\nExtends=EPYC-Milan-v2\nDescription=%s\nRemove=rdpid\n"


@needs_root
class Disk(FaultCase):
    def setUp(self):
        super().setUp()
        self.disk = self.mount()
        (self.disk / "models").mkdir()
        (self.disk / "log").touch()
        self.start("--defined-models", str(self.disk / "models"), "--state", str(self.disk / "vms"))
        self.client, self.shipped = self.connect(), set()
        self.shipped = self.defined()

    def define(self, name, description="first", **params):
        return self.client.call("model.define", {"text": MODEL % (name, description), **params})

    def defined(self):
        """The models that were defined at run time."""
        return {model["model"] for model in self.client.call("model.list")["models"]} - self.shipped

    def digest(self, name):
        return self.client.call("model.show", {"model": name})["digest"]

    def files(self):
        return sorted(os.listdir(self.disk / "models"))

    def fill(self):
        with open(self.disk / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)

    def empty(self):
        (self.disk / "filler").unlink()

    def remount(self, mode):
        subprocess.run(["mount", "-o", f"remount,{mode}", self.disk], check=True)

    def restart(self):
        self.daemon.kill()
        self.daemon.start()
        self.client = self.connect()

    def check_nothing_is_stored(self, number):
        """What fails with this errno leaves everything as it was, also over a restart."""
        digest = self.digest("Mine")
        for params in ({"name": "Other"}, {"name": "Mine", "description": "second", "replace": True}):
            with self.fails("notStored") as caught:
                self.define(**params)
            self.assertEqual(caught.exception.data["errno"], number)
            self.assertIn(os.strerror(number), caught.exception.message)
        self.assertEqual((self.defined(), self.digest("Mine"), self.files()), ({"Mine"}, digest, ["Mine.cpumodel"]))
        self.restart()
        self.assertEqual((self.defined(), self.digest("Mine")), ({"Mine"}, digest))

    def test_full_disk_keeps_the_models_that_are_there(self):
        self.define("Mine")
        self.fill()
        self.check_nothing_is_stored(errno.ENOSPC)
        # Taking away needs no room.
        self.client.call("model.remove", {"model": "Mine"})
        self.empty()
        self.define("Other")
        self.restart()
        self.assertEqual(self.defined(), {"Other"})

    def test_read_only_disk_keeps_the_models_that_are_there(self):
        self.define("Mine")
        self.remount("ro")
        self.check_nothing_is_stored(errno.EROFS)
        with self.fails("notStored"):
            self.client.call("model.remove", {"model": "Mine"})
        self.assertEqual(self.defined(), {"Mine"})
        self.remount("rw")
        self.define("Other")
        self.client.call("model.remove", {"model": "Mine"})
        self.restart()
        self.assertEqual(self.defined(), {"Other"})

    def check_vms_are_served(self, spoil, mend):
        """Applies while VMs cannot be kept: the VMs have their CPU, and the log says what a restart would lose."""
        kept, lost, replaced, late = (self.make_vm(2) for _ in range(4))
        self.apply(kept, name="kept")
        self.apply(replaced, name="replaced")
        ends = Owner(self.daemon, "ends", agent=False)
        self.addCleanup(ends.kill)
        spoil()
        self.apply(lost, name="lost")
        self.apply(replaced, name="replaced", replace=True)
        self.assertLessEqual({"kept", "lost", "replaced", "ends"}, self.registered())
        for name in ("lost", "replaced"):
            self.assertRegex(self.log_since(), rf"state-failed: VM {name} .*would be lost with a restart")
        ends.kill()
        self.eventually(lambda: "ends" not in self.registered(), "a VM whose owner has ended is registered")
        self.restart()
        known = self.registered()
        self.assertIn("kept", known)
        self.assertFalse({"lost", "ends"} & known)
        mend()
        self.apply(late, name="late")
        self.restart()
        self.assertLessEqual({"kept", "late"}, self.registered())
        self.assertNotIn("ends", self.registered())
        self.check_serves()
        return known

    @needs_kvm
    def test_full_disk_stops_no_vm(self):
        # The file of what was replaced went, for it is not so any more.
        self.assertNotIn("replaced", self.check_vms_are_served(self.fill, self.empty))

    @needs_kvm
    def test_read_only_disk_stops_no_vm(self):
        self.check_vms_are_served(lambda: self.remount("ro"), lambda: self.remount("rw"))

    @needs_kvm
    def test_starts_on_a_read_only_disk(self):
        self.daemon.stop()
        self.remount("ro")
        self.restart()
        self.check_serves()
        self.check_nothing_of("vms")

    def check_nothing_of(self, name):
        self.assertFalse([file for file in os.listdir(self.disk / name) if file.endswith(".json")])

    def test_log_on_a_full_disk_stops_nobody(self):
        self.daemon.stop()
        self.fill()
        self.daemon.log_path = self.disk / "log"
        self.restart()
        for _ in range(100):
            with self.fails("badDescriptor", "hostUnavailable"):
                self.client.call("vm.apply", {"name": "bad", "model": "host"}, [0])
        self.check_serves()
        self.assertLess(self.daemon.log_path.stat().st_size, 8192)
