# SPDX-License-Identifier: Apache-2.0
"""The base classes of the tests: their daemon, their words, and what each checks at its end."""

import collections
import contextlib
import itertools
import os
import time
import unittest

import compare
import cpumodel
import kvm
from harness import PATIENCE, Daemon, Recorder

SETTLE_TIMEOUT = 3.0 * PATIENCE

PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602

# Protocol.md, "Errors".
CODES = {
    "unknownModel": -32001, "unknownFeature": -32002, "badExpression": -32003, "badDocument": -32004,
    "noBaseline": -32005, "featuresUnavailable": -32010,
    "altered": -32011, "refused": -32012, "ownerDeadline": -32013, "ownerFault": -32014, "ownerGone": -32015,
    "executorUnavailable": -32016, "notInjected": -32017,
    "badDescriptor": -32020, "descriptorCount": -32021, "badTopology": -32022, "badBase": -32023, "nameInUse": -32030,
    "unknownVM": -32031, "modelExists": -32033, "modelChanged": -32034, "modelInUse": -32035, "notStored": -32036,
    "notPermitted": -32040, "hostUnavailable": -32050, "limitExceeded": -32060,
}  # fmt: skip

needs_kvm = unittest.skipIf(kvm.why_unusable(), kvm.why_unusable() or "")


class DaemonCase(unittest.TestCase):
    """Tests that share one daemon, started with `options`."""

    options = ()
    _names = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(*cls.options).start()
        cls.addClassCleanup(cls.daemon.remove)
        if kvm.why_unusable() is None:  # so that whatever the daemon opens once is open
            with contextlib.closing(kvm.VM()) as vm, cls.daemon.connect() as client:
                client.call("vm.apply", {"name": "first", "model": "host", "altered": "accept"}, vm.vcpus)
                client.call("vm.forget", {"vm": "first"})

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        if status != 0:
            raise AssertionError(f"cpumodeld ended with {status} on SIGTERM:\n{cls.daemon.log()}")

    def setUp(self):
        self.notes = []
        self.before = self.daemon.settled_descriptors()

    def note(self, text):
        """Something that the line of this test in the report should say."""
        if text not in self.notes:
            self.notes.append(text)

    def connect(self, kind=Recorder, **options):
        connection = self.daemon.connect(kind, **options)
        self.addCleanup(connection.close)
        return connection

    def make_vm(self, *arguments, **options):
        vm = kvm.VM(*arguments, **options)
        self.addCleanup(vm.close)
        return vm

    def name(self):
        return f"e2e-{os.getpid()}-{next(self._names)}"

    def call(self, method, params=None):
        with self.daemon.connect() as connection:
            return connection.call(method, params)

    def registered(self):
        """The names of the registered VMs."""
        return {vm["vm"] for vm in self.vm_list()}

    def vm_list(self):
        answer = self.call("vm.list")
        return answer if isinstance(answer, list) else answer["vms"]

    def check_descriptors_are_as_before(self):
        """Fails unless the daemon soon holds the descriptors that it held before this test, and no others."""
        try:
            self.eventually(lambda: self.daemon.descriptors() == self.before, "not the descriptors of before")
        except AssertionError as error:
            now, then = collections.Counter(self.daemon.descriptors()), collections.Counter(self.before)
            raise AssertionError(f"{error}: more {dict(now - then)}, fewer {dict(then - now)}") from None

    def eventually(self, condition, text, timeout=SETTLE_TIMEOUT):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"{text}, not even after {timeout} s")
            time.sleep(0.02)

    @contextlib.contextmanager
    def fails(self, *expected):
        """The body must end in an RPCError of one of `expected`: kinds, or plain codes of JSON-RPC."""
        with self.assertRaises(cpumodel.RPCError) as caught:
            yield caught
        self.check_error(caught.exception, *expected)

    def check_error(self, error, *expected):
        kinds = [kind for kind in expected if isinstance(kind, str)]
        codes = [code for code in expected if isinstance(code, int)]
        if error.code not in codes:
            self.assertIn(error.kind, kinds, f"{error} {error.data}")
            self.assertEqual(error.code, CODES[error.kind])
        self.assertGreater(len(error.message.split()), 3, f"not a sentence: {error.message!r}")
        self.note(f"{error.code} {error.kind or ''}".strip())

    def apply(self, vm, connection=None, **params):
        """vm.apply with `altered: accept`, held against the client's own reading of every vCPU."""
        connection = connection or self.connect()
        params = {"name": self.name(), "model": "host", "altered": "accept", **params}
        result = connection.call("vm.apply", params, vm.vcpus)
        self.addCleanup(self.forget, params["name"])
        self.check_result(result, vm, connection.asked)
        self.assertEqual(result["vm"], params["name"])
        return result

    def check_result(self, result, vm, asked):
        self.assertEqual(result["executor"], "owner")
        self.assertEqual([vcpu["index"] for vcpu in result["vcpus"]], list(range(len(vm.vcpus))))
        self.assertEqual([vcpu["vcpuId"] for vcpu in result["vcpus"]], vm.ids)
        self.assertEqual(sorted(asked), list(range(len(vm.vcpus))), "not every vCPU was given a table")
        sets = [compare.described(each) for each in result["differenceSets"]]
        verdicts = []
        for vcpu, table in zip(result["vcpus"], vm.tables(), strict=True):
            want = asked[vcpu["index"]]
            verdicts.append(compare.verdict(want, table))
            self.assertEqual(vcpu["verdict"], verdicts[-1], f"vCPU {vcpu['index']}")
            said = {} if vcpu["differenceSet"] is None else sets[vcpu["differenceSet"]]
            self.assertEqual(said, compare.differences(want, table), f"vCPU {vcpu['index']}")
            self.check_apic_id(table, vcpu["apicId"])
        worst = max(verdicts, key=("exact", "runtime", "altered").index)
        self.assertEqual(result["verdict"], worst)
        self.note(worst)

    def check_apic_id(self, table, apic_id):
        self.assertEqual(compare.find(table, 1).ebx >> 24, apic_id & 0xFF, "initial APIC id in leaf 1")
        for leaf in (0xB, 0x1F):
            if entry := compare.find(table, leaf):
                self.assertEqual(entry.edx, apic_id, f"x2APIC id in leaf {leaf:#x}")

    def forget(self, name):
        with contextlib.suppress(cpumodel.RPCError, OSError):
            self.call("vm.forget", {"vm": name})


class BadInputCase(DaemonCase):
    """After each test the daemon holds what it held before, and nothing is registered."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.check_nothing_is_left)
        self.addCleanup(self.forget, "bad")  # so that one test's failure is not the next one's

    def check_nothing_is_left(self):
        self.assertIsNone(self.daemon.process.poll(), f"cpumodeld died:\n{self.daemon.log()}")
        self.check_descriptors_are_as_before()
        self.assertEqual(self.vm_list(), [])

    def open(self, path, flags=os.O_RDONLY):
        fd = os.open(path, flags | os.O_CLOEXEC)
        self.addCleanup(os.close, fd)
        return fd

    def try_apply(self, fds, client=None, **params):
        client = client or self.connect()
        return client.call("vm.apply", {"name": "bad", "model": "host", "altered": "accept", **params}, fds)

    def check_alive(self, client):
        """The connection goes on."""
        client.call("daemon.status")

    def check_closed(self, client):
        with self.assertRaises(cpumodel.ConnectionClosed):
            client.receive()

    def check_answer(self, client, *expected):
        message, _ = client.receive()
        self.assertIn("error", message)
        error = cpumodel.RPCError(message["error"])
        self.check_error(error, *expected)
        return message["id"], error
