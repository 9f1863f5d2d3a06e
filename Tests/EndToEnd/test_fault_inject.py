# SPDX-License-Identifier: Apache-2.0
"""cpumodeld-inject is stopped or killed at any moment: the daemon says so, and the next one serves.

CPUMODELD_KILLS is the number of times, 4 by default; CPUMODELD_SEED repeats a run. Who stops it harms no target. With SIGKILL that
cannot be promised: the kernel lets go of the thread at once, in the middle of a call that is not its own, and it goes on with what
is in its registers. How often that was is printed.
"""

import collections
import json
import os
import random
import signal
import subprocess
import sys
import time

from cases import needs_kvm
from faults import FaultCase
from harness import binary
from test_inject import HERE
from test_kill import KILLS, SEED


@needs_kvm
class Helpers(FaultCase):
    def setUp(self):
        super().setUp()
        self.path = self.directory / "inject.sock"
        config = self.directory / "inject.conf"
        config.write_text(f"[Executors]\nInjectSocket={self.path}\nInjectDeadlineSec=10s\n")
        self.start("--config", str(config))

    def helper(self):
        self.path.unlink(missing_ok=True)
        command = [binary("cpumodeld-inject"), "--socket", str(self.path), "--user", str(os.getuid())]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.eventually(self.path.exists, "cpumodeld-inject does not listen", 10)
        return process

    def target(self):
        """A launcher that knows nothing of owner.execute, and begins when it is told."""
        code = "import sys; sys.path.insert(0, sys.argv[1]); import plain; vm = plain.kvm.VM(4); "
        code += "print('+', flush=True); sys.stdin.readline(); "
        code += "print(plain.json.dumps(plain.ask(sys.argv[2], vm, executor='inject')), flush=True)"
        process = subprocess.Popen(
            [sys.executable, "-c", code, HERE, self.daemon.socket_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "+\n")
        return process

    @staticmethod
    def ask(target):
        target.stdin.write("go\n")
        target.stdin.flush()

    def answer(self, target):
        """What it was told, or how it ended that was not told anything it could read."""
        said = target.stdout.readline()
        ended = target.wait(20)
        return json.loads(said) if ended == 0 else f"target disturbed ({ended})"

    def end_helpers(self, number):
        """Ends one after the other in the middle of its work, and counts what became of it."""
        chance, outcomes = random.Random(f"{SEED} {self.id()}"), collections.Counter()
        for _ in range(KILLS):
            helper, target = self.helper(), self.target()
            self.ask(target)
            time.sleep(0.05 * chance.random())
            os.killpg(helper.pid, number)
            helper.wait()
            answer = self.answer(target)
            if isinstance(answer, str):
                outcomes[answer] += 1
            elif "result" in answer:
                outcomes["done before"] += 1
            else:
                self.assertIn(answer["error"]["data"]["kind"], ("notInjected", "executorUnavailable"), answer)
                outcomes[answer["error"]["data"]["kind"]] += 1
            self.eventually(lambda: self.registered() == set(), "a VM is registered whose owner has ended", 20)
        self.note(f"{KILLS} times, seed {SEED}: {dict(outcomes)}")
        self.helper()
        target = self.target()
        self.ask(target)
        self.assertIn("result", self.answer(target))
        self.check_serves()
        self.check_is_as_before()
        return outcomes

    def test_helper_that_is_killed(self):
        self.end_helpers(signal.SIGKILL)

    def test_helper_that_is_stopped_harms_nobody(self):
        """As by systemctl stop: it brings to an end what it has begun."""
        self.assertFalse([each for each in self.end_helpers(signal.SIGTERM) if "disturbed" in each])
