# SPDX-License-Identifier: Apache-2.0
"""A service manager that does not read what it is told: nobody waits for it, and it hears at last what it must."""

import contextlib
import os
import select
import signal
import socket
import time
import unittest

import cpumodel
import kvm
from cases import needs_kvm
from harness import Daemon

JUNK = b"X_JUNK=1"


class Manager(socket.socket):
    """The service manager's end, whose queue is full from the moment it is there; at an abstract address if that is given."""

    def __init__(self, abstract=None):
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.abstract = abstract

    def bind(self, address):
        super().bind(f"\0{self.abstract}" if self.abstract else address)
        self.fill()

    def fill(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    sender.sendto(JUNK, self.getsockname())

    def hear(self, seconds):
        """What is said within a time, with its descriptors, without the junk."""
        deadline, said = time.monotonic() + seconds, []
        while select.select([self], [], [], max(0, deadline - time.monotonic()))[0]:
            data, fds, _, _ = socket.recv_fds(self, 65536, 8)
            if data != JUNK:
                said.append((dict(line.split("=", 1) for line in data.decode().splitlines()), fds))
        return said

    def hear_until(self, wanted, seconds=20):
        """The same, until `wanted` holds of all that was said."""
        deadline, said = time.monotonic() + seconds, []
        while not wanted([state for state, _ in said]):
            if time.monotonic() > deadline:
                raise AssertionError(f"said was only {said}")
            said += self.hear(0.05)
        return said


class DeafDaemon(Daemon):
    """It cannot say that it is ready, so whoever starts it finds out by asking."""

    def _wait_until_ready(self, notify):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with self.connect() as client:
                    client.call("daemon.status")
                return
            except (OSError, cpumodel.ConnectionClosed):
                time.sleep(0.05)
        raise RuntimeError(f"cpumodeld does not serve while its service manager does not listen:\n{self.log()}")


class ServiceManager(unittest.TestCase):
    def start(self, abstract=None, **variables):
        self.manager = Manager(abstract)
        self.addCleanup(self.manager.close)
        self.daemon = DeafDaemon("--log", "stderr")
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        self.daemon.start(notify=self.manager, **variables)

    def check_serves(self):
        start = time.monotonic()
        with self.daemon.connect() as client:
            client.call("daemon.status")
        self.assertLess(time.monotonic() - start, 10)

    def test_ready_is_said_again_until_it_is_heard(self):
        self.start()
        time.sleep(1)
        self.check_serves()
        said = self.manager.hear_until(lambda states: any("READY" in state for state in states))
        states = [state for state, _ in said]
        self.assertEqual([state["READY"] for state in states if "READY" in state], ["1"])
        self.assertIn("Serving", states[-1]["STATUS"])
        self.assertEqual(self.manager.hear(0.5), [])

    def test_a_reload_is_told_in_order(self):
        self.start()
        self.manager.hear_until(lambda states: any("READY" in state for state in states))
        self.manager.fill()
        for _ in range(2):
            self.daemon.process.send_signal(signal.SIGHUP)
            self.wait_for_reload()
        said = self.manager.hear_until(lambda states: sum("READY" in state for state in states) == 2)
        self.assertEqual([next(iter(state)) for state, _ in said], ["RELOADING", "READY"] * 2)

    def wait_for_reload(self):
        deadline, count = time.monotonic() + 20, self.daemon.log(1000).count(" reloaded: ")
        while self.daemon.log(1000).count(" reloaded: ") == count:
            self.assertLess(time.monotonic(), deadline)
            self.check_serves()
            time.sleep(0.05)

    def test_a_watchdog_that_hears_nothing_stops_nobody(self):
        self.start(WATCHDOG_USEC="300000")
        for _ in range(5):
            self.check_serves()
            time.sleep(0.2)
        self.manager.hear(0)
        said = self.manager.hear_until(lambda states: sum("WATCHDOG" in state for state in states) >= 3)
        self.assertTrue(said)

    def test_it_ends_all_the_same(self):
        self.start()
        start = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - start, 5)

    def test_an_abstract_address(self):
        name = f"cpumodeld-test-{os.getpid()}"
        self.start(abstract=name, NOTIFY_SOCKET=f"@{name}")
        self.manager.hear_until(lambda states: any("READY" in state for state in states))

    @needs_kvm
    def test_owners_are_given_to_it_at_last(self):
        self.start()
        with kvm.VM() as one, kvm.VM() as other, self.daemon.connect() as client:
            for name, vm in (("stays", one), ("goes", other)):
                client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
            client.call("vm.forget", {"vm": "goes"})
            said = self.manager.hear_until(lambda states: any("FDSTOREREMOVE" in state for state in states))
            kept = [(state["FDNAME"], fds) for state, fds in said if "FDSTORE" in state]
            self.assertEqual([len(fds) for _, fds in kept], [1, 1])
            for _, (fd,) in kept:
                self.assertIn("pidfd", os.readlink(f"/proc/self/fd/{fd}"))
                os.close(fd)
            gone = [state["FDNAME"] for state, _ in said if "FDSTOREREMOVE" in state]
            self.assertEqual(gone, [kept[1][0]])
