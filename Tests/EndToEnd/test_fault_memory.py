# SPDX-License-Identifier: Apache-2.0
"""Clients that fill the daemon's memory with requests that never end, or with answers that they never read."""

import contextlib
import os
import select
import unittest

import cpumodel
import openmetrics
from harness import Daemon
from sanitizers import MEMORY_KB

MIB = 1 << 20
BUDGET = 4 * MIB
MESSAGE = 2 * MIB
PIECE = MIB // 4
HOGS = 40
# What malloc keeps and what is copied when a line's memory grows is beside what the daemon counts.
MOST_KB = ((2 * BUDGET + 24 * MIB) >> 10) + MEMORY_KB


class Memory(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--log", "stderr")
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        config = self.daemon.directory / "small.conf"
        config.write_text(f"[Limits]\nQueuedBytes={BUDGET}\nMessageSize={MESSAGE}\n")
        self.daemon._options += ("--config", str(config))
        self.daemon.start()
        with self.daemon.connect() as client:  # what is made once is there
            client.call("model.list", {})
            self.names = len(client.call("model.list", {})["models"])
        with open(f"/proc/{self.daemon.process.pid}/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")  # the high-water mark of resident memory begins anew
        self.before = self.peak()

    def peak(self):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

    def connect(self):
        client = self.daemon.connect(timeout=60)
        self.addCleanup(client.close)
        return client

    def queued(self, client):
        return openmetrics.parse(client.call("daemon.metrics")["text"])["cpumodeld_queued_bytes"].value()

    def check_others_are_served(self):
        """Small requests, of 64 KiB too; and an answer as large as that of model.list."""
        with self.daemon.connect() as client:
            client.call("daemon.status")
            client.send_bytes(b'{"jsonrpc":"2.0","id":7,"method":"model.show","params":{"model":"EPYC"}'.ljust(65535) + b"}\n")
            self.assertEqual(client.receive()[0]["id"], 7)
            self.assertEqual(len(client.call("model.list", {})["models"]), self.names)

    def test_requests_that_never_end(self):
        hogs = [self.connect() for _ in range(HOGS)]
        ended = set()
        for piece in range(MESSAGE // PIECE - 1):
            for number, hog in enumerate(hogs):
                if number not in ended:
                    try:
                        hog.send_bytes(b" " * PIECE)
                    except OSError:
                        ended.add(number)
            if piece % 5 == 4:
                self.check_others_are_served()
        growth = self.peak() - self.before
        self.assertLess(growth, MOST_KB, f"{growth >> 10} MiB more for {HOGS} unfinished requests")
        told = 0
        for hog in hogs:
            if select.select([hog.socket], [], [], 0)[0]:
                message, _ = hog.receive()
                error = cpumodel.RPCError(message["error"])
                self.assertEqual((error.kind, error.data["limit"], error.data["value"]), ("limitExceeded", "queuedBytes", BUDGET))
                self.assertIn("try again later", str(error))
                with self.assertRaises(cpumodel.ConnectionClosed):
                    hog.receive()
                told += 1
        self.assertGreaterEqual(told, HOGS - BUDGET // (2 * PIECE))
        with self.daemon.connect() as client:
            self.assertLessEqual(self.queued(client), BUDGET + HOGS * 128 * 1024)
        for hog in hogs:
            hog.close()
        # Room is there again for a message of any size.
        with self.daemon.connect(timeout=60) as client:
            client.send_bytes(b'{"jsonrpc":"2.0","id":8,"method":"daemon.status"'.ljust(MESSAGE - 2) + b"}\n")
            self.assertEqual(client.receive()[0]["id"], 8)
            self.assertLess(self.queued(client), MIB)

    def test_answers_that_are_never_read(self):
        slow = [self.connect() for _ in range(12 * BUDGET // MIB)]
        request = b'{"jsonrpc":"2.0","id":1,"method":"model.list"}\n'
        for client in slow:
            with contextlib.suppress(OSError):
                client.socket.setblocking(False)
                client.socket.send(request * 100)
        self.check_others_are_served()
        with self.daemon.connect() as client:
            self.assertLessEqual(self.queued(client), BUDGET + len(slow) * 128 * 1024)
        growth = self.peak() - self.before
        self.assertLess(growth, MOST_KB, f"{growth >> 10} MiB more")
        self.assertIn("does not read its answers", self.daemon.log(1000))
        self.assertTrue(os.path.exists(f"/proc/{self.daemon.process.pid}"))
