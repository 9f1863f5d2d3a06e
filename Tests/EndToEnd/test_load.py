# SPDX-License-Identifier: Apache-2.0
"""Everything at once: hundreds of connections that ask without a pause, launchers, watchers, and a reload in the middle.

CPUMODELD_LOAD_SECONDS and CPUMODELD_LOAD_CONNECTIONS say how much: 6 s and 48 by default, 600 s and 1000 in `make soak`.
What fails is an error that no client caused, memory or descriptors that grow, and a client that others keep waiting; how
fast it is, is printed, and nothing fails for that on a machine with other things to do.
"""

import os
import signal
import time

from cases import DaemonCase, needs_kvm
from load import MIX, Crowd, Launcher, Summary, Watching
from owners import Owner
from sanitizers import MEMORY_KB

SECONDS = float(os.environ.get("CPUMODELD_LOAD_SECONDS") or 6)
CONNECTIONS = int(os.environ.get("CPUMODELD_LOAD_CONNECTIONS") or 48)
CROWDS = 2  # on each of the two sockets
LAUNCHERS, WATCHES = 2, 8

# Of resident memory after the warm-up. What grows with each request is beyond it soon: a kilobyte leaked with each of a
# thousand requests a second is 60 MB a minute.
MOST_GROWTH_KB = (24 << 10) + MEMORY_KB
# Where all are served in turn it is below 2, and where one has to wait until others are done it is many times that.
MOST_UNFAIR = 5


@needs_kvm
class Load(DaemonCase):
    def resident(self):
        """In kilobytes."""
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def start(self, child):
        self.addCleanup(child.kill)
        self.addCleanup(child.pipe.close)
        return child

    def reload(self):
        mark = self.daemon.log_path.stat().st_size
        self.daemon.process.send_signal(signal.SIGHUP)
        reloaded = lambda: b"cpumodeld: reloaded:" in self.daemon.log_path.read_bytes()[mark:]
        self.eventually(reloaded, "the models were not read anew", 60)

    def test_load(self):
        paths = [self.daemon.socket_path, self.daemon.query_path]
        steady = self.start(Owner(self.daemon, "steady", vcpus=2, agent=True))
        watching = self.start(Watching(self.daemon.query_path, WATCHES))
        each = max(1, CONNECTIONS // (CROWDS * len(paths)))
        crowds = [self.start(Crowd(path, each)) for path in paths for _ in range(CROWDS)]
        began = time.monotonic()
        for crowd in crowds:
            crowd.go()
        launchers = [self.start(Launcher(self.daemon.socket_path, f"load-{i}")) for i in range(LAUNCHERS)]

        # Beside the clients' own: a pidfd for each that is not on the query socket, and what applies are at work with.
        most = len(self.before) + 2 * each * len(crowds) + 2 * WATCHES + 100 * (LAUNCHERS + 1)
        memory, descriptors, reloaded = [], [], False
        while time.monotonic() < began + SECONDS:
            time.sleep(SECONDS / 40)
            self.assertIsNone(self.daemon.process.poll(), "the daemon died")
            memory.append(self.resident())
            descriptors.append(len(self.daemon.descriptors()))
            if not reloaded and time.monotonic() > began + SECONDS / 2:
                self.reload()
                reloaded = True
        for crowd in crowds:
            crowd.finish()
        results = [result for crowd in crowds for result in crowd.results()]
        summary = Summary(results, time.monotonic() - began)
        applied = [launcher.finish() for launcher in launchers]
        events = watching.finish()["events"]

        warm, end = memory[len(memory) // 4], memory[-1]
        applies = sum(launcher["applies"] for launcher in applied)
        self.note(f"{each * len(crowds)} connections, {len(MIX)} kinds of requests: {summary}")
        self.note(f"{applies} applies, longest {max(max(each['took']) for each in applied) * 1000:.0f} ms")
        self.note(f"{events} events to {WATCHES} watches")
        self.note(f"memory {warm / 1024:.1f} MiB after the warm-up, {end / 1024:.1f} at the end")
        self.note(f"at most {max(descriptors)} descriptors")
        self.assertTrue(reloaded)
        self.assertEqual(summary.errors[:3], [], f"of {len(summary.errors)} errors")
        self.assertLess(end, warm + MOST_GROWTH_KB, f"memory grows: {memory}")
        self.assertLess(max(descriptors), most, f"descriptors grow: {descriptors}")
        self.assertLess(summary.unfairness, MOST_UNFAIR, "a client waits for others")
        # Each VM appeared and went, and each watch was told of both.
        self.assertGreaterEqual(events, WATCHES * (2 * applies - 2 * LAUNCHERS))

        for child in (*crowds, watching, *launchers, steady):
            child.kill()
        self.check_descriptors_are_as_before()
        self.assertEqual(self.vm_list(), [])
        self.call("daemon.status")
