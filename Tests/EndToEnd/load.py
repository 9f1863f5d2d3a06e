# SPDX-License-Identifier: Apache-2.0
"""Clients that ask without a pause, thousands of requests a second: what the load test is made of.

Each is a closed loop: it asks, waits for the answer, and asks the next. A process has hundreds of them, on one event loop.
"""

import collections
import json
import random
import selectors
import socket
import statistics
import time

import cpumodel
import kvm
from harness import Child

# A client's requests, in turn. An answer of a few kilobytes costs most; so a list is asked for as seldom as by people.
MIX = (
    ("daemon.status", {}),
    ("vm.list", {}),
    ("model.show", {"model": "EPYC-Milan"}),
    ("model.expand", {"model": "EPYC-Milan-v2,-svm"}),
    ("vm.show", {"vm": "steady"}),
    ("table.compute", {"model": "host", "topology": {"cores": 2, "threads": 2}}),
    ("vm.caps", {"vm": "steady", "deadlineMs": 20000}),
    ("model.compare", {"first": {"model": "EPYC-Milan"}, "second": {"model": "Skylake-Server-v4"}}),
    ("model.list", {}),
    ("vm.verify", {"vm": "steady", "deadlineMs": 20000}),
    ("daemon.status", {}),
    ("host.describe", {}),
)


WAIT = 300  # for what only a machine that is very busy is long with


class Client:
    """One connection: what it has asked, and how long its answers took."""

    def __init__(self, path, place):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.place = place  # in MIX
        self.number, self.asked = 0, 0.0
        self.answer = []
        self.took, self.errors = [], []

    def ask(self):
        method, params = MIX[self.place]
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.asked = time.monotonic()
        self.socket.sendall(json.dumps(request).encode() + b"\n")  # it is alone in an empty buffer

    def read(self):
        """Whether the answer is there whole."""
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise ConnectionError(f"the daemon closed a connection that had asked {MIX[self.place][0]}")
        self.answer.append(piece)
        if not piece.endswith(b"\n"):
            return False
        self.took.append(time.monotonic() - self.asked)
        line, self.answer = b"".join(self.answer), []
        if not line.startswith(b'{"jsonrpc":"2.0","id":%d,"result":' % self.number) or line.count(b"\n") != 1:
            self.errors.append(f"{MIX[self.place][0]}: {line[:300].decode(errors='replace')}")
        self.place = (self.place + 1) % len(MIX)
        return True

    def is_done(self):
        """Whether it has asked everything as often as everything else, so that it can be held against others."""
        return self.number % len(MIX) == 0


class Crowd(Child):
    """A process with `count` clients. It says `+` when all are connected, asks from `go()` on, and ends after `finish()`."""

    def __init__(self, path, count):
        super().__init__(lambda pipe: self._work(pipe, path, count))
        self.pipe.settimeout(WAIT)

    @staticmethod
    def _work(pipe, path, count):
        clients = [Client(path, random.randrange(len(MIX))) for _ in range(count)]
        pipe.sendall(b"+")
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client.socket, selectors.EVENT_READ, client)
            selector.register(pipe, selectors.EVENT_READ)
            pipe.recv(1)
            for client in clients:
                client.ask()
            asking = len(clients)
            ending = False
            while asking:
                for key, _ in selector.select():
                    if key.data is None:
                        pipe.recv(1)
                        ending = True
                        selector.unregister(pipe)
                    elif key.data.read():
                        if ending and key.data.is_done():
                            asking -= 1
                        else:
                            key.data.ask()
        answer = [{"took": [round(took * 1e6) for took in client.took], "errors": client.errors} for client in clients]
        pipe.sendall(json.dumps(answer).encode() + b"\n")
        pipe.recv(1)  # the connections stay until they have been counted

    def go(self):
        self.expect("+")
        self.pipe.sendall(b"g")

    def finish(self):
        self.pipe.sendall(b"f")

    def results(self):
        """For each client the times of its answers in microseconds, and its errors."""
        with self.pipe.makefile("rb") as lines:
            return json.loads(lines.readline())


class Launcher(Child):
    """A process that owns a VM and applies models to it, again and again, until it is told to stop."""

    def __init__(self, path, name, vcpus=2):
        super().__init__(lambda pipe: self._work(pipe, path, name, vcpus))
        self.pipe.settimeout(WAIT)

    @staticmethod
    def _work(pipe, path, name, vcpus):
        pipe.setblocking(False)
        count, vm, took = 0, kvm.VM(vcpus), []
        while True:
            with cpumodel.Connection(path, timeout=WAIT) as daemon:  # as launchers do: a connection for each apply
                started = time.monotonic()
                result = daemon.apply(vm.vcpus, name=name, model="host", altered="accept")
                took.append(time.monotonic() - started)
                count += 1
                daemon.detach(result)
            try:
                pipe.recv(1)
                break
            except BlockingIOError:
                pass
        pipe.setblocking(True)
        pipe.sendall(json.dumps({"applies": count, "took": took}).encode() + b"\n")

    def finish(self):
        self.pipe.sendall(b"f")
        with self.pipe.makefile("rb") as lines:
            return json.loads(lines.readline())


class Watching(Child):
    """A process that watches all VMs and counts the events; it ends with an error when one is missing."""

    def __init__(self, path, watches):
        super().__init__(lambda pipe: self._work(pipe, path, watches))
        self.pipe.settimeout(WAIT)
        self.expect("+")

    @staticmethod
    def _work(pipe, path, watches):
        connections = [cpumodel.Connection(path, timeout=WAIT) for _ in range(watches)]
        for connection in connections:
            connection.call("vm.watch", {})
        pipe.sendall(b"+")
        seen = collections.Counter()
        with selectors.DefaultSelector() as selector:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return pipe.sendall(json.dumps({"events": seen.total()}).encode() + b"\n")
                    while True:
                        message, _ = key.data.receive()
                        seen[key.data] += 1
                        event = message["params"]
                        assert event["event"] != "dropped" and event["sequence"] == seen[key.data], event
                        if b"\n" not in key.data._buffer:
                            break

    def finish(self):
        self.pipe.sendall(b"f")
        with self.pipe.makefile("rb") as lines:
            return json.loads(lines.readline())


class Summary:
    """The figures of a run, of all clients' results."""

    def __init__(self, results, seconds):
        took = sorted(time for client in results for time in client["took"])
        means = sorted(statistics.fmean(client["took"]) for client in results)
        self.errors = [error for client in results for error in client["errors"]]
        self.requests = len(took)
        self.rate = self.requests / seconds
        self.p50, self.p99, self.worst = (took[int(at * (len(took) - 1))] / 1000 for at in (0.5, 0.99, 1))
        self.unfairness = means[-1] / statistics.median(means)

    def __str__(self):
        return (
            f"{self.requests} answers, {self.rate:.0f}/s, p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms, "
            f"longest {self.worst:.0f} ms, slowest client {self.unfairness:.2f}x the median"
        )
