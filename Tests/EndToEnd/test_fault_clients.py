# SPDX-License-Identifier: Apache-2.0
"""Clients that hold on to what they have: silent, slow, talkative, and owners that end and leave a job in other hands.

What bytes, descriptors and answers a client may send besides, test_bad_bytes.py, test_bad_descriptors.py and test_bad_owner.py
say; CPUMODELD_NOTIFICATIONS is the number of notifications: 20,000 by default, ten million in `make soak`.
"""

import json
import mmap
import os
import random
import socket

import cpumodel
import kvm
from cases import BadInputCase, needs_kvm
from harness import Child
from sanitizers import MEMORY_KB
from test_bad_owner import Raw

NOTIFICATIONS = int(os.environ.get("CPUMODELD_NOTIFICATIONS") or 20_000)
SILENT = 200
REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n'


class Clients(BadInputCase):
    def resident(self):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def test_silent_clients_take_nobodys_turn(self):
        silent = [self.connect(query=number % 2 == 0) for number in range(SILENT)]
        client = self.connect()
        for _ in range(50):
            client.call("daemon.status")
        self.assertGreaterEqual(client.call("daemon.status")["connections"], SILENT)
        # None of them was given up, and each can begin to speak.
        for each in silent:
            each.call("daemon.status")
            each.close()
        client.close()

    def test_a_byte_at_a_time_by_many(self):
        """Each request takes as long as its client wants, and nobody else's any longer."""
        slow = [self.connect() for _ in range(20)]
        other = self.connect()
        for byte in REQUEST:
            for client in slow:
                client.socket.send(bytes((byte,)))
            other.call("daemon.status")
        for client in slow:
            self.assertIn("result", client.receive()[0])
            client.close()
        other.close()

    def test_notifications_without_end(self):
        client, other = self.connect(timeout=600), self.connect()
        batch = b'{"jsonrpc":"2.0","method":"daemon.status"}\n{"jsonrpc":"2.0","method":"no.such"}\n' * 500
        client.send_bytes(batch)
        self.check_alive(client)
        before, left = self.resident(), NOTIFICATIONS
        while left > 0:
            client.send_bytes(batch)
            left -= 1000
            if left % 10_000 == 0:
                other.call("daemon.status")  # who asks one thing is not behind those who ask a thousand
        client.send_bytes(REQUEST)
        self.assertEqual(client.receive()[0]["id"], 1)  # and not one answer before it
        growth = self.resident() - before
        self.note(f"{NOTIFICATIONS} notifications, {growth} KiB more")
        self.assertLess(growth, (16 << 10) + MEMORY_KB)
        client.close()
        other.close()

    def test_descriptors_by_many_without_a_line(self):
        fds = [self.open("/dev/null")] * 250
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.send_bytes(b" ", fds)
        self.eventually(lambda: len(self.daemon.descriptors()) > 20 * 250, "the descriptors did not arrive")
        self.check_alive(self.connect())
        for client in clients:
            client.close()
        # They are the daemon's to close, one by one, beside its work.
        self.eventually(lambda: len(self.daemon.descriptors()) < 250, "the descriptors are still open", 20)


@needs_kvm
class JobsInOtherHands(BadInputCase):
    def test_job_that_outlives_its_owner(self):
        """The owner ends in the middle; the job's memory, and a vCPU, are with a process that lives."""
        here, there = socket.socketpair()
        self.addCleanup(here.close)

        def work(_):
            vm, client = kvm.VM(2), self.daemon.connect(Raw)

            def behave(_, fds):
                socket.send_fds(there, [b"x"], fds)
                os._exit(0)

            client.behave = behave
            client.call("vm.apply", {"name": "bad", "model": "host"}, vm.vcpus)

        with Child(work) as owner:
            _, fds, _, _ = socket.recv_fds(here, 1, 8)
            self.assertEqual(owner.wait(), 0)
        there.close()
        self.addCleanup(cpumodel.close_all, fds)
        self.check_descriptors_are_as_before()
        self.assertEqual(self.vm_list(), [])
        size = os.fstat(fds[0]).st_size
        os.pwrite(fds[0], os.urandom(size), 0)  # nobody's any more
        self.check_alive(self.connect())
        # The name is free, though the old VM is not gone: its vCPUs are here.
        vm, client = self.make_vm(), self.connect()
        self.check_result(self.try_apply(vm.vcpus, client), vm, client.asked)
        self.forget("bad")

    def test_job_that_changes_while_it_is_read(self):
        """Results are taken out before they are looked at, so they are one thing or the other."""
        vm, client = self.make_vm(2), self.connect(Raw)
        seed = random.SystemRandom().randrange(1 << 32)
        kept = []

        def behave(request, fds):
            memory = mmap.mmap(fds[0], request["params"]["size"])
            executed = client.run(request, fds)

            def scribble(pipe):
                chance = random.Random(seed)
                pipe.send(b"+")
                while True:
                    at = chance.randrange(64, len(memory) - 8)
                    memory[at : at + 8] = chance.randbytes(8)

            child = Child(scribble)
            kept.append((memory, child))
            child.expect("+")
            client.answer(request, result={"executed": executed})

        client.behave = behave
        outcomes = []
        for _ in range(10):
            try:
                client.call("vm.apply", {"name": "bad", "model": "host", "altered": "accept"}, vm.vcpus)
                self.call("vm.forget", {"vm": "bad"})
                outcomes.append("taken")
            except cpumodel.RPCError as error:
                self.check_error(error, "ownerFault", "refused", "altered")
                outcomes.append(error.kind)
            finally:
                for memory, child in kept:
                    child.kill()
                    child.pipe.close()
                    memory.close()
                kept.clear()
            self.check_alive(client)
        self.note(f"seed {seed}: {', '.join(outcomes)}")
        client.behave = None
        self.check_result(self.try_apply(vm.vcpus, client), vm, client.asked)
        self.call("vm.forget", {"vm": "bad"})

    def test_ends_before_its_request_is_whole(self):
        """With every length of it, and the descriptors with the first byte."""
        vm = self.make_vm(2)
        params = {"name": "bad", "model": "host", "fds": 2}
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "vm.apply", "params": params}).encode() + b"\n"
        for length in range(1, len(line) + 1):
            client = self.connect()
            client.send_bytes(line[:length], vm.vcpus)
            client.close()
        self.check_alive(self.connect())
        self.eventually(lambda: self.vm_list() == [], "a VM is registered that nobody applied to")
        self.assertEqual(vm.tables(), [[]] * 2)
