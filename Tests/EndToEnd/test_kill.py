# SPDX-License-Identifier: Apache-2.0
"""Owners and the daemon are killed at any moment, in the middle of whatever they do.

CPUMODELD_KILLS is the number of points of each kind; 4 by default, 1,000 in `make soak`. CPUMODELD_SEED repeats a run.
"""

import collections
import contextlib
import os
import random
import signal
import time

import cpumodel
import kvm
from cases import needs_kvm
from harness import PATIENCE, Child
from owners import EXITS
from test_restart import RestartCase
from test_watch import WatchCase

KILLS = int(os.environ.get("CPUMODELD_KILLS") or 4)
SEED = int(os.environ.get("CPUMODELD_SEED") or random.SystemRandom().randrange(1 << 32))
SOON = 20 * PATIENCE


class Applicant(Child):
    """A process that applies and attaches, again and again under one name, and begins anew where the daemon has gone.

    It says `+` each time that it is registered, and holds its connections, so that it is killed in every state.
    """

    def __init__(self, daemon, name, vcpus=2):
        path = daemon.socket_path
        self.name = name
        super().__init__(lambda pipe: self._work(pipe, path, name, vcpus))

    @staticmethod
    def _work(pipe, path, name, vcpus):
        vm = kvm.VM(vcpus)
        params = {"name": name, "model": "host", "altered": "accept", "replace": True}
        while True:
            with contextlib.suppress(OSError, cpumodel.ConnectionClosed), cpumodel.Connection(path) as connection:
                result = connection.call("vm.apply", params, vm.vcpus)
                connection.call("vm.attach", {"vm": name, "requestId": result["requestId"]}, vm.vcpus)
                pipe.send(b"+")
                # Applying again goes through another connection: on this one the daemon may ask at any time.
                until = time.monotonic() + 0.05
                while time.monotonic() < until:
                    with contextlib.suppress(TimeoutError):
                        connection.serve(*connection.receive(timeout=0.01))
            time.sleep(0.005)

    def kill(self):
        super().kill()
        self.pipe.close()

    def registered(self):
        """How often it was registered, so far as it has said."""
        self.pipe.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            return len(self.pipe.recv(65536))
        return 0


class KillCase(RestartCase, WatchCase):
    def setUp(self):
        signal.setitimer(signal.ITIMER_REAL, (60 + 2 * KILLS) * PATIENCE)  # in place of the limit that each test has
        super().setUp()
        self.random = random.Random(f"{SEED} {self.id()}")
        self.clients = contextlib.ExitStack()
        self.asking = collections.deque()
        self.addCleanup(self.clients.close)
        self.note(f"{KILLS} kills, seed {SEED}")

    def some_time(self, most=0.25):
        """Waits: from no time to a while, short times more often."""
        time.sleep(most * self.random.random() ** 3)

    def applicant(self):
        applicant = Applicant(self.daemon, self.name(), self.random.randint(1, 3))
        self.addCleanup(applicant.kill)
        return applicant

    def query(self, name):
        """Begins queries that are not answered yet when something is killed."""
        client = self.daemon.connect(query=True)
        self.clients.callback(client.close)
        self.asking.append(client)
        if len(self.asking) > 20:
            self.asking.popleft().close()
        for method in ("vm.caps", "vm.verify"):
            client.start(method, {"vm": name, "deadlineMs": 2000})

    def settled(self, living):
        """After the last kill: who lives is known, who has ended is not, and nothing of those is held."""
        names = {owner.name for owner in living}
        self.eventually(lambda: self.registered() >= names, f"not all are registered: {names}", SOON)
        self.eventually(lambda: self.registered() <= names, "some are registered that have ended", SOON)
        files = sorted(f"{name}.json" for name in names)
        with self.subTest(files=files):
            self.eventually(lambda: self.daemon.state_files() == files, "not these files", SOON)
        for owner in living:
            self.assertEqual(self.show(owner.name)["pid"], owner.pid)

    def watcher(self, query=True, **params):
        return self.clients.enter_context(super().watcher(query, **params))

    def check_nothing_is_left(self, living):
        self.clients.close()
        for owner in living:
            owner.kill()
        self.settled([])
        self.check_descriptors_are_as_before()
        with open(f"/proc/{self.daemon.process.pid}/maps", encoding="utf-8") as maps:
            self.assertNotIn("kvm-vcpu", maps.read())


@needs_kvm
class Owners(KillCase):
    def test_owner_killed_at_any_moment(self):
        lives = self.owner(vcpus=2)
        lives.start(0, EXITS)
        watcher = self.watcher()
        for _ in range(KILLS):
            applicant = self.applicant()
            self.some_time()
            self.query(applicant.name if self.random.random() < 0.5 else lives.name)
            self.some_time(0.02)
            applicant.kill()
        self.settled([lives])
        # Each that was there is told of, and as often that it is not any more.
        self.eventually(lambda: self.read(watcher) and not self.there(watcher), "a watcher was not told", SOON)
        self.check_sequence(watcher)
        self.assertEqual(self.verify(lives)["verified"] > 0, True)
        self.check_nothing_is_left([lives])

    @staticmethod
    def read(watcher):
        with contextlib.suppress(TimeoutError):
            while True:
                watcher.serve(*watcher.receive(timeout=0.1))
        return True

    @staticmethod
    def there(watcher):
        """The VMs that have appeared and not gone, by a watcher's events."""
        there = set()
        for event in watcher.events:
            if event["event"] == "appeared":
                assert event["vm"] not in there, event
                there.add(event["vm"])
            elif event["event"] == "gone":
                there.remove(event["vm"])
        return there


@needs_kvm
class Daemons(KillCase):
    def test_daemon_killed_at_any_moment(self):
        lives = [self.owner(vcpus=2), self.owner(agent=False), self.applicant(), self.applicant()]
        self.settled(lives)
        for _ in range(KILLS):
            watcher = self.watcher()
            self.query(self.random.choice(lives).name)
            self.some_time()
            self.daemon.kill()
            with self.assertRaises(cpumodel.ConnectionClosed):
                while True:
                    watcher.serve(*watcher.receive())
            # Those that were told that they are registered are, at once, before any of them has come back.
            for owner in lives[2:]:
                os.kill(owner.pid, signal.SIGSTOP)
            self.daemon.start()
            self.assertLessEqual({owner.name for owner in lives}, self.registered())
            again = self.watcher()
            self.assertLessEqual({owner.name for owner in lives}, {vm["vm"] for vm in again.result["vms"]})
            self.clients.close()
            for owner in lives[2:]:
                os.kill(owner.pid, signal.SIGCONT)
        self.settled(lives)
        self.attached(lives[0])
        self.assertEqual(self.verify(lives[0])["outcome"], "asRecorded")
        self.check_nothing_is_left(lives)

    def test_both_killed_at_any_moment(self):
        lives = [self.owner(vcpus=2), self.owner(agent=False)]
        for _ in range(KILLS):
            ends = [self.applicant(), self.applicant()]
            self.some_time()
            # One after the other, in any order, and the daemon anywhere among them.
            kills = [ends[0].kill, ends[1].kill, self.daemon.kill]
            self.random.shuffle(kills)
            for kill in kills:
                kill()
                self.some_time(0.02)
            self.daemon.start()
            self.settled(lives)
        self.attached(lives[0])
        self.check_nothing_is_left(lives)
