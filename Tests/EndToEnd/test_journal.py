# SPDX-License-Identifier: Apache-2.0
"""The journal: what the daemon sends to it, and what the catalog says about that."""

import contextlib
import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import threading
import unittest

import cpumodel
import kvm
from cases import needs_kvm
from harness import ROOT, Child, Daemon

CLONE_NEWNS = 0x00020000
FIELDS = re.compile(rb"^[A-Z_][A-Z0-9_]*$")
BURST = 20  # EventRateLimit.swift


def entry(datagram):
    """The fields of an entry, by "Native Journal Protocol" of systemd's documentation."""
    fields, rest = {}, datagram
    while rest:
        line, _, rest = rest.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = struct.unpack_from("<Q", rest)[0]
            value, rest = rest[8 : 8 + size], rest[8 + size + 1 :]
        if not FIELDS.match(name):
            raise AssertionError(f"a field has the name {name!r}")
        fields[name.decode()] = value.decode()
    return fields


def with_journal(work):
    """Runs `work(daemon)` where a socket of this test's is journald's; the entries that the daemon has sent to it."""

    def child(pipe):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        os.makedirs("/run/systemd", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"], check=True)
        os.mkdir("/run/systemd/journal")
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        journal.bind("/run/systemd/journal/socket")
        journal.settimeout(0.2)
        entries, ended = [], threading.Event()

        def read():
            """As journald does; a daemon waits for a journal that is full."""
            while True:
                try:
                    entries.append(entry(journal.recv(1 << 20)))
                except TimeoutError:
                    if ended.is_set():
                        return

        reader = threading.Thread(target=read)
        reader.start()
        daemon = Daemon("--log", "journal").start()
        try:
            work(daemon)
        finally:
            daemon.stop()
            daemon.remove()
            ended.set()
            reader.join()
        pipe.sendall(json.dumps(entries).encode())

    with Child(child) as process:
        process.pipe.settimeout(55)
        data = b""
        while piece := process.pipe.recv(1 << 16):
            data += piece
        if process.wait() != 0:
            raise AssertionError("the test in a namespace of its own failed")
    return json.loads(data)


@unittest.skipIf(os.getuid() != 0, "only root can have a journal of its own")
class Entries(unittest.TestCase):
    def of(self, entries, event):
        return [each for each in entries if each.get("CPUMODELD_EVENT") == event]

    @needs_kvm
    def test_the_story_of_a_vm(self):
        def work(daemon):
            with contextlib.closing(kvm.VM(2)) as vm, daemon.connect() as client:
                with contextlib.suppress(cpumodel.RPCError):
                    client.call("vm.apply", {"name": "web-1", "model": "EPYC,+no-such"}, vm.vcpus)
                client.call("vm.apply", {"name": "web-1", "model": "host", "altered": "accept"}, vm.vcpus)
                client.call("vm.forget", {"vm": "web-1"})

        entries = with_journal(work)
        events = [each["CPUMODELD_EVENT"] for each in entries if each.get("CPUMODELD_VM") == "web-1"]
        self.assertEqual([each for each in events if each != "vm-difference"], ["vm-refused", "vm-applied", "vm-forgotten"])
        applied = self.of(entries, "vm-applied")[0]
        for name in ("MODEL", "STAMP", "VERDICT", "EXECUTOR", "PEER_PID", "PEER_UID", "REQUEST_ID"):
            self.assertTrue(applied[f"CPUMODELD_{name}"], name)
        for difference in self.of(entries, "vm-difference"):
            self.assertEqual(difference["CPUMODELD_REQUEST_ID"], applied["CPUMODELD_REQUEST_ID"])
            # A leaf that is there or not has no registers to tell of.
            names = ("VCPU", "WANT", "GOT") if "CPUMODELD_REG" in difference else ("VCPU", "LEAF")
            for name in names:
                self.assertTrue(difference[f"CPUMODELD_{name}"], name)
        ids = message_ids()
        for each in entries:
            self.assertEqual(each["MESSAGE_ID"], ids[each["CPUMODELD_EVENT"]])
            self.assertEqual(each["SYSLOG_IDENTIFIER"], "cpumodeld")
            self.assertIn(each["PRIORITY"], "34567")
        self.assertEqual([entries[0]["CPUMODELD_EVENT"], entries[-1]["CPUMODELD_EVENT"]], ["ready", "stopping"])

    @needs_kvm
    def test_what_a_client_says_is_no_field(self):
        model = "x\nMESSAGE=forged\nCPUMODELD_VM=other\n" + "é" * 5000

        def work(daemon):
            with contextlib.closing(kvm.VM()) as vm, daemon.connect() as client:
                with contextlib.suppress(cpumodel.RPCError):
                    client.call("vm.apply", {"name": "web-1", "model": model}, vm.vcpus)

        refused = self.of(with_journal(work), "vm-refused")[0]
        self.assertEqual(refused["CPUMODELD_VM"], "web-1")
        self.assertTrue(refused["MESSAGE"].startswith("VM web-1 did not get "))
        self.assertTrue(refused["CPUMODELD_MODEL"].startswith("x\nMESSAGE=forged\n"))
        for value in refused.values():
            self.assertLessEqual(len(value.encode()), 4200)

    @needs_kvm
    def test_noise_is_counted_and_the_rest_is_not_touched(self):
        noises, refusals = BURST + 10, BURST + 5

        def work(daemon):
            for _ in range(noises):
                with daemon.connect() as client:
                    client.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"vm.list","params":{"fds":1}}\n')
                    with contextlib.suppress(cpumodel.ConnectionClosed):
                        client.receive()
            with contextlib.closing(kvm.VM()) as vm, daemon.connect() as client:
                for _ in range(refusals):
                    with contextlib.suppress(cpumodel.RPCError):
                        client.call("vm.apply", {"name": "web-1", "model": "no-such"}, vm.vcpus)

        entries = with_journal(work)
        noise = self.of(entries, "client-refused")
        told = self.of(entries, "suppressed")
        self.assertGreaterEqual(len(noise), BURST)
        self.assertEqual(sum(int(each["CPUMODELD_COUNT"]) for each in told), noises - len(noise))
        for each in told:
            self.assertEqual(each["CPUMODELD_SUPPRESSED"], "client-refused")
            self.assertEqual(each["CPUMODELD_PEER_UID"], "0")
        self.assertEqual(len(self.of(entries, "vm-refused")), refusals)


def message_ids():
    """The MESSAGE_ID of each event, as the code has it."""
    source = (ROOT / "Sources/CPUModelDaemon/Events/Event.swift").read_text()
    names = dict(re.findall(r'case (\w+) = "([a-z-]+)"', source))
    for line in re.findall(r"^        case (\w+)$", source, re.M):
        names.setdefault(line, line)
    return {names[case]: number for case, number in re.findall(r'case \.(\w+): "([0-9a-f]{32})"', source)}


class Catalog(unittest.TestCase):
    """systemd/cpumodeld.catalog, beside the code."""

    def setUp(self):
        text = (ROOT / "systemd/cpumodeld.catalog").read_text()
        self.entries = re.findall(r"^-- ([0-9a-f]+)\n((?:[\w-]+: .*\n)+)\n((?:.*\n?)*?)(?=^-- |\Z)", text, re.M)

    def test_each_event_has_an_entry_and_each_entry_an_event(self):
        self.assertEqual(sorted(number for number, _, _ in self.entries), sorted(message_ids().values()))

    def test_ids_are_random_enough_to_be_unique(self):
        numbers = list(message_ids().values())
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertGreater(len(numbers), 12)

    def test_entries_say_what_to_do(self):
        for number, head, body in self.entries:
            self.assertRegex(head, r"Subject: \S.*\nDefined-By: cpumodeld\n", number)
            self.assertGreater(len(body.split()), 12, number)
            self.assertLess(max(map(len, body.splitlines())), 140, number)

    def test_fields_of_the_texts_are_fields_of_the_code(self):
        known = set()
        for path in (ROOT / "Sources/CPUModelDaemon").rglob("*.swift"):
            known |= set(re.findall(r'"(CPUMODELD_[A-Z_]+)"', path.read_text()))
        used = {name for _, head, body in self.entries for name in re.findall(r"@(\w+)@", head + body)}
        self.assertLessEqual(used, known)
        # What entries can be searched by.
        for name in ("EVENT VM VCPU MODEL STAMP VERDICT EXECUTOR PEER_PID PEER_UID REQUEST_ID LEAF SUBLEAF REG WANT GOT").split():
            self.assertIn(f"CPUMODELD_{name}", known)
