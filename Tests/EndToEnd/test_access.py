# SPDX-License-Identifier: Apache-2.0
"""Who may do what, by real processes of other users, groups and units."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

import cpumodel
import kvm
from cases import CODES, needs_kvm
from harness import Child, Daemon

LAUNCHER, LOOKER, STRANGER, OPERATOR = 61001, 61002, 61003, 61004
LAUNCHERS, LOOKERS, NOBODY = 61101, 61102, 61103
UNITS = pathlib.Path("/sys/fs/cgroup/systemd/system.slice")

needs_root = unittest.skipIf(os.getuid() != 0, "only root can become other users")

ACCESS = (
    "[Access]",
    f"Query=root group:{LAUNCHERS} group:{LOOKERS} unit:cpumodeld-e2e-*.service",
    f"Apply=root group:{LAUNCHERS}",
    f"Define={OPERATOR}",
    f"Forget=root {OPERATOR}",
)


class Client(Child):
    """A process of some user that calls what it is told to, each call answered with the result or the error."""

    def __init__(self, daemon, uid, gid=NOBODY, groups=(), unit=None, vcpus=0, query=False):
        def work(pipe):
            if unit:
                (UNITS / unit / "cgroup.procs").write_text(str(os.getpid()))
            vm = kvm.VM(vcpus) if vcpus else None  # /dev/kvm is opened before it is out of reach
            os.setgroups(list(groups))
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            lines = pipe.makefile("rw")
            with daemon.connect(query=query) as connection:
                lines.write("ready\n")
                lines.flush()
                for line in lines:
                    method, params, with_vcpus = json.loads(line)
                    try:
                        answer = {"result": connection.call(method, params, vm.vcpus if with_vcpus else ())}
                    except OSError:  # turned away before it was asked
                        answer = {"error": connection.receive()[0]["error"]}
                    except cpumodel.RPCError as error:
                        answer = {"error": {"code": error.code, "message": error.message, "data": error.data}}
                    lines.write(json.dumps(answer) + "\n")
                    lines.flush()

        super().__init__(work)
        self.lines = self.pipe.makefile("rw")
        if self.lines.readline() != "ready\n":
            raise AssertionError("the client did not connect")

    def call(self, method, with_vcpus=False, **params):
        self.lines.write(json.dumps([method, params, with_vcpus]) + "\n")
        self.lines.flush()
        answer = json.loads(self.lines.readline())
        if "error" in answer:
            raise cpumodel.RPCError(answer["error"])
        return answer["result"]

    def apply(self, name, **params):
        return self.call("vm.apply", True, name=name, model="host", altered="accept", **params)


@needs_root
class AccessCase(unittest.TestCase):
    lines = ACCESS

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = self.directory / "cpumodeld.conf"
        self.write(*self.lines)
        (self.directory / "defined").mkdir()
        self.daemon = Daemon(
            "--config", str(self.file), "--log", "stderr", "--defined-models", str(self.directory / "defined")
        ).start()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        self.daemon.open_to_all()
        os.chmod(self.daemon.query_path, 0o666)

    def write(self, *lines):
        self.file.write_text("\n".join([*lines, ""]))

    def client(self, *arguments, **options):
        client = Client(self.daemon, *arguments, **options)
        self.addCleanup(client.__exit__)
        return client

    @contextlib.contextmanager
    def refused(self, action, rule):
        with self.assertRaises(cpumodel.RPCError) as caught:
            yield
        error = caught.exception
        self.assertEqual((error.kind, error.code), ("notPermitted", CODES["notPermitted"]), error)
        self.assertEqual(error.data["action"], action)
        self.assertEqual(error.data["rule"], rule)
        self.assertIn(rule, error.message)


class Rules(AccessCase):
    def test_query(self):
        for client in (self.client(STRANGER, groups=[LOOKERS]), self.client(STRANGER, gid=LOOKERS)):
            client.call("vm.list")
        self.client(STRANGER, groups=[LOOKERS], query=True).call("model.list")
        for query in (False, True):
            stranger = self.client(STRANGER, query=query)
            for method, params in (("vm.list", {}), ("daemon.status", {}), ("vm.show", {"vm": "web-1"})):
                with self.refused("query", "[Access] Query="):
                    stranger.call(method, **params)

    def test_refusal_is_in_the_journal_with_who_and_what(self):
        with self.refused("apply", "[Access] Apply="):
            self.client(STRANGER, groups=[LOOKERS]).call("vm.apply", name="web-1", model="host")
        line = [line for line in self.daemon.log().splitlines() if "access-refused" in line][-1]
        for part in ("VM=web-1", "ACTION=apply", "METHOD=vm.apply", f"PEER_UID={STRANGER}", f"PEER_GID={NOBODY}"):
            self.assertIn(part, line)

    def test_a_stranger_is_not_told_which_vms_there_are(self):
        with self.refused("forget", "[Access] Forget="):
            self.client(STRANGER).call("vm.forget", vm="no-such-vm")

    @needs_kvm
    def test_apply(self):
        launcher = self.client(LAUNCHER, groups=[LAUNCHERS], vcpus=1)
        self.assertEqual(launcher.apply("web-1")["vm"], "web-1")
        looker = self.client(LOOKER, groups=[LOOKERS], vcpus=1)
        with self.refused("apply", "[Access] Apply="):
            looker.apply("web-2")
        self.assertEqual([vm["vm"] for vm in looker.call("vm.list")["vms"]], ["web-1"])

    @needs_kvm
    def test_an_owner_may_act_on_its_vm_whatever_the_rules_are(self):
        launcher = self.client(LAUNCHER, groups=[LAUNCHERS], vcpus=1)
        result = launcher.apply("web-1")
        self.write("[Access]", "Query=", "Apply=", "Forget=")
        self.daemon.process.send_signal(signal.SIGHUP)
        with self.refused("query", "[Access] Query="):
            while True:  # until the new rules are in force
                launcher.call("vm.list")
        launcher.call("vm.show", vm="web-1")
        launcher.call("vm.caps", vm="web-1")
        launcher.call("vm.attach", vm="web-1", requestId=result["requestId"])
        with self.refused("query", "[Access] Query="):
            self.client(STRANGER).call("vm.show", vm="web-1")
        with self.refused("apply", "[Access] Apply="):
            launcher.apply("web-2")
        self.assertEqual(launcher.call("vm.forget", vm="web-1"), {"forgotten": "web-1"})

    @needs_kvm
    def test_forget(self):
        self.client(LAUNCHER, groups=[LAUNCHERS], vcpus=1).apply("web-1")
        with self.refused("forget", "[Access] Forget="):
            self.client(LOOKER, groups=[LAUNCHERS, LOOKERS]).call("vm.forget", vm="web-1")
        self.client(OPERATOR).call("vm.forget", vm="web-1")

    def test_define(self):
        text = "[Model]\nName=Mine\nExtends=EPYC\n"
        with self.refused("define", "[Access] Define="):
            self.client(LAUNCHER, groups=[LAUNCHERS]).call("model.define", text=text)
        operator = self.client(OPERATOR)
        operator.call("model.define", text=text)
        with self.refused("define", "[Access] Define="):
            self.client(LAUNCHER, groups=[LAUNCHERS]).call("model.remove", model="Mine")
        operator.call("model.remove", model="Mine")

    def test_unit(self):
        name = f"cpumodeld-e2e-{os.getpid()}.service"
        try:
            (UNITS / name).mkdir(parents=True)
        except OSError as error:
            self.skipTest(f"no control group of systemd's can be made here: {error}")
        self.addCleanup((UNITS / name).rmdir)
        for query in (False, True):
            client = self.client(STRANGER, unit=name, query=query)
            client.call("vm.list")
            client.kill()

    def test_the_caller_is_who_it_was_when_it_connected(self):
        with self.daemon.connect() as connection:

            def work(pipe):
                os.setresuid(STRANGER, STRANGER, STRANGER)
                connection.call("vm.list")
                pipe.send(b"done")

            with Child(work) as child:
                child.expect("done")


class Defaults(AccessCase):
    """Without a rule in the file. The groups that a package makes may be missing here."""

    lines = ()

    def test_root_may_and_strangers_may_not(self):
        root = self.client(0)
        root.call("vm.list")
        root.call("model.define", text="[Model]\nName=Mine\nExtends=EPYC\n")
        stranger = self.client(STRANGER)
        for action, method, params in (
            ("query", "vm.list", {}),
            ("apply", "vm.apply", {"name": "web-1", "model": "host"}),
            ("define", "model.define", {"text": ""}),
            ("forget", "vm.forget", {"vm": "web-1"}),
        ):
            with self.refused(action, f"[Access] {action.capitalize()}="):
                stranger.call(method, **params)


class Quotas(AccessCase):
    lines = (
        "[Access]",
        "Query=*",
        "Apply=*",
        "[Limits]",
        "ConnectionsPerUser=3",
        "VMsPerUser=2",
        "DescriptorsPerUser=4",
        "QueuedBytesPerUser=1M",
    )

    @contextlib.contextmanager
    def beyond(self, limit):
        with self.assertRaises(cpumodel.RPCError) as caught:
            yield
        error = caught.exception
        self.assertEqual((error.kind, error.data["limit"]), ("limitExceeded", limit), error)

    def test_connections_of_both_sockets_are_counted_together(self):
        with self.client(STRANGER), self.client(STRANGER, query=True), self.client(STRANGER):
            with self.beyond("connectionsPerUser"):
                self.client(STRANGER).call("vm.list")
            self.client(LOOKER).call("vm.list")
        with contextlib.ExitStack() as stack:  # root is not bounded
            for _ in range(4):
                stack.enter_context(self.daemon.connect()).call("vm.list")

    @needs_kvm
    def test_vms(self):
        first, second, third = (self.client(LAUNCHER, vcpus=1) for _ in range(3))
        first.apply("web-1")
        second.apply("web-2")
        with self.beyond("vmsPerUser"):
            third.apply("web-3")
        first.apply("web-1", replace=True)  # is none more
        self.client(STRANGER, vcpus=1).apply("web-4")
        first.call("vm.forget", vm="web-1")
        third.apply("web-3")

    @needs_kvm
    def test_descriptors(self):
        first, second = self.client(LAUNCHER, vcpus=3), self.client(LAUNCHER, vcpus=3)
        first.apply("web-1")
        self.assertTrue(first.call("vm.show", vm="web-1")["vcpusHeld"])
        second.apply("web-2")  # gets its CPU; its descriptors are not kept
        self.assertFalse(second.call("vm.show", vm="web-2")["vcpusHeld"])
        first.call("vm.forget", vm="web-1")
        second.apply("web-2", replace=True)
        self.assertTrue(second.call("vm.show", vm="web-2")["vcpusHeld"])
        with self.beyond("descriptorsPerUser"):  # on their way at one time
            self.client(STRANGER, vcpus=5).apply("web-3")

    def test_bytes_of_unfinished_lines(self):
        with self.client(STRANGER) as client:
            with self.beyond("queuedBytesPerUser"):
                client.call("x" * (3 << 20))
