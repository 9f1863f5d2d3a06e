# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps by years, forwards and backwards, in the middle of everything: no deadline is by it, and nothing is lost."""

import os
import struct
import subprocess
import time

import cpumodel
from cases import needs_kvm
from faults import FaultCase, needs_root
from harness import ROOT
from owners import Owner
from test_bad_owner import Raw
from test_caps import OSXSAVE
from test_watch import Watcher

YEAR = 365 * 86400
DEADLINE_MS = 1500


class Jumps(FaultCase):
    def setUp(self):
        super().setUp()
        compiler = self.tool("cc")
        library, source = self.directory / "clock.so", ROOT / "Tests/EndToEnd/c/clock.c"
        flags = ("-std=gnu2x", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
        subprocess.run([compiler, *flags, "-o", library, source], check=True)
        self.clock = self.directory / "clock"
        self.jump(0)
        self.wrap(f"export LD_PRELOAD={library} CPUMODELD_TEST_CLOCK={self.clock}")

    def jump(self, seconds):
        """Sets the daemon's wall clock to that far from everybody's."""
        with open(self.clock, "r+b" if self.clock.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("<q", seconds))

    def applied_at(self, name):
        return self.call("vm.show", {"vm": name})["appliedAt"]

    @needs_kvm
    def test_deadlines_are_by_another_clock(self):
        self.start("--owner-deadline-ms", str(DEADLINE_MS))
        for seconds in (10 * YEAR, -10 * YEAR):
            for is_mute in (False, True):
                vm, client, name = self.make_vm(), self.connect(Raw), self.name()

                def behave(request, fds, client=client, seconds=seconds, is_mute=is_mute):
                    self.jump(seconds)
                    self.call("daemon.status")
                    if not is_mute:
                        client.answer(request, result={"executed": client.run(request, fds)})

                client.behave = behave
                began = time.monotonic()
                params = {"name": name, "model": "host", "altered": "accept"}
                if is_mute:
                    with self.fails("ownerDeadline"):
                        client.call("vm.apply", params, vm.vcpus)
                    self.assertGreater(time.monotonic() - began, DEADLINE_MS / 1000 * 0.9)
                else:
                    client.call("vm.apply", params, vm.vcpus)
                    self.assertLess(abs(self.applied_at(name) - seconds - time.time()), 60)
                client.close()
        self.assertLess(self.call("daemon.status")["uptimeSeconds"], 600)
        self.check_is_as_before()

    @needs_kvm
    def test_what_is_known_stays_known(self):
        self.start()
        owner = Owner(self.daemon, "stays", vcpus=2)
        self.addCleanup(owner.kill)
        with self.daemon.connect(Watcher, query=True) as watcher:
            watcher.watch(vms=["stays"], capsMs=100, verifyMs=1000)
            cr4 = owner.registers()["cr4"]
            for seconds in (10 * YEAR, -10 * YEAR):
                self.jump(seconds)
                for value in (True, False):
                    owner.set_registers(cr4=cr4 | OSXSAVE if value else cr4)
                    while self.next_osxsave(watcher) is not value:
                        pass
                answer = self.call("vm.caps", {"vm": "stays", "deadlineMs": 20000})
                self.assertEqual([vcpu["source"] for vcpu in answer["vcpus"]], ["kernel"] * 2)
                for vcpu in answer["vcpus"]:
                    self.assertLess(abs(vcpu.get("ageMs") or 0), 60_000, vcpu)
        for seconds in (10 * YEAR, -10 * YEAR):
            before = self.vm_list()
            self.daemon.kill()
            self.jump(seconds)
            self.daemon.start()
            self.assertEqual(self.vm_list(), before)
        owner.kill()
        self.eventually(lambda: self.registered() == set(), "a VM whose owner has ended is registered")
        self.check_serves()

    @staticmethod
    def next_osxsave(watcher):
        """Of the first vCPU, whose register is set."""
        while True:
            event = watcher.next("capsChanged")
            if event["vcpu"] == 0 and "osxsave" in event["changes"]:
                return event["changes"]["osxsave"]["to"]["value"]

    @needs_root
    @needs_kvm
    def test_in_a_time_namespace(self):
        """The monotonic clock begins anywhere, and is another than the clients'."""
        namespace = f"{self.tool('unshare')} --time --monotonic {20 * YEAR} --boottime {20 * YEAR}"
        if subprocess.run([*namespace.split(), "true"], check=False, capture_output=True).returncode:
            self.skipTest("there are no time namespaces here")
        self.wrap(f'[ "$TIMED" ] || TIMED=1 exec {namespace} "$0" "$@"')
        self.start("--owner-deadline-ms", str(DEADLINE_MS))
        self.assertNotEqual(*(os.readlink(f"/proc/{pid}/ns/time") for pid in ("self", self.daemon.process.pid)))
        self.check_serves()
        vm, client = self.make_vm(), self.connect()
        began = time.monotonic()
        client.start("vm.apply", {"name": "bad", "model": "host"}, vm.vcpus)
        request, fds = client.receive()
        cpumodel.close_all(fds)
        self.assertEqual(request["method"], "owner.execute")
        answer, _ = client.receive()
        self.check_error(cpumodel.RPCError(answer["error"]), "ownerDeadline")
        self.assertGreater(time.monotonic() - began, DEADLINE_MS / 1000 * 0.9)
