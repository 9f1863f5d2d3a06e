# SPDX-License-Identifier: Apache-2.0
"""No more descriptors and no more memory: who asks for too much is told, everybody else is served, and it passes."""

import contextlib
import os
import resource
import select
import signal

import cpumodel
from cases import needs_kvm
from faults import FaultCase
from owners import Owner
from sanitizers import MEMORY_KB, unless_sanitized

FILES = 64


class Descriptors(FaultCase):
    """RLIMIT_NOFILE is reached."""

    def knock(self):
        """A connection that has asked, whether it is accepted or not."""
        client = self.connect()
        client.start("daemon.status")
        return client

    def answered(self, clients, timeout=0.0):
        """Those of which the daemon has answered, or closed the connection."""
        return [client for client in clients if select.select([client.socket], [], [], timeout)[0]]

    def test_connections_beyond_the_limit_are_told_or_wait(self):
        self.wrap(f"ulimit -n {FILES}")
        self.start()
        self.assertTrue(self.status("FDSize"))
        clients = [self.knock() for _ in range(2 * FILES)]
        served, told, waiting = [], [], list(clients)
        # One is told every 100 ms; so a few are, sooner or later, and the others wait.
        self.eventually(lambda: len(self.answered(clients)) >= FILES // 3, "nobody is served", 20)
        for client in self.answered(clients):
            waiting.remove(client)
            message, _ = client.receive()
            if "result" in message:
                served.append(client)
            else:
                self.assertIsNone(message["id"])
                self.check_error(cpumodel.RPCError(message["error"]), "limitExceeded")
                told.append(client)
        self.note(f"{len(served)} served, {len(told)} turned away and {len(waiting)} waiting at first")
        self.assertGreater(len(served), FILES // 4)
        # Who is served goes on to be.
        served[0].call("daemon.status")
        # When they go, all who waited get an answer.
        for client in served:
            client.close()
        for client in waiting:
            self.assertTrue({"result", "error"} & set(client.receive()[0]))
            client.close()
        for client in told:
            client.close()
        self.check_serves()
        self.check_is_as_before()

    def test_descriptors_that_do_not_fit_end_their_connection_and_no_other(self):
        self.wrap(f"ulimit -n {FILES}")
        self.start()
        other = self.connect()
        other.call("daemon.status")
        with open(os.devnull, "rb") as file:
            for _ in range(3):
                client = self.connect()
                with self.assertRaises((cpumodel.RPCError, cpumodel.ConnectionClosed)) as caught:
                    client.call("vm.apply", {"name": "bad", "model": "host"}, [file.fileno()] * 2 * FILES)
                self.check_error(caught.exception, "descriptorCount")
                other.call("daemon.status")
                client.close()
            # Held back without a line: what is left of the limit is taken, until the connection ends.
            hoarders = [self.connect() for _ in range(3)]
            for hoarder in hoarders:
                with contextlib.suppress(OSError):
                    hoarder.send_bytes(b" ", [file.fileno()] * (FILES // 3))
            other.call("daemon.status")
            for hoarder in hoarders:
                hoarder.close()
        other.close()
        self.check_serves()
        self.check_is_as_before()

    @contextlib.contextmanager
    def only(self, free):
        """The daemon may open so many more files."""
        limits = resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE)
        used = {int(name) for name in os.listdir(f"/proc/{self.daemon.process.pid}/fd")}
        most = 0
        while free > 0 or most in used:
            free -= most not in used
            most += 1
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (most, limits[1]))
        try:
            yield
        finally:
            resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, limits)

    @needs_kvm
    def test_apply_that_runs_out_of_them_anywhere(self):
        """With 0, 1, 2, ... to be had: either it is done, and as it is said; or it is not, and that is said."""
        self.start()
        free, done = 0, 0
        while done < 3:
            vm, client, name = self.make_vm(3), self.connect(), self.name()
            client.call("daemon.status")
            try:
                with self.only(free):
                    result = client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
                self.check_result(result, vm, client.asked)
                done += 1
            except cpumodel.RPCError as error:
                self.assertEqual(done, 0, f"it is done with fewer than {free}")
                self.check_error(error, "descriptorCount", "limitExceeded", "ownerFault", "hostUnavailable")
                self.assertRegex(str(error), "files|descriptors|EMFILE", f"with {free}")
                self.assertNotIn(name, self.registered())
                self.assertEqual(vm.tables(), [[]] * 3, f"with {free}: {error}")
            self.forget_all()
            client.close()
            self.check_descriptors_are_as_before()
            free += 1
            self.assertLess(free, FILES)
        self.note(f"done with {free - done}")
        self.check_serves()

    def test_edits_and_reloads_that_run_out_of_them_anywhere(self):
        (self.directory / "models").mkdir()
        self.start("--defined-models", str(self.directory / "models"))
        client, defined = self.connect(), set()
        client.call("daemon.status")
        for free in range(6):
            digest = client.call("daemon.status")["models"]["digest"]
            text = f"[Model]\nName=Mine{free}\nExtends=EPYC-Milan-v2\nDescription=x\n"
            with self.only(free):
                mark = len(self.log_since())
                self.daemon.process.send_signal(signal.SIGHUP)
                self.eventually(lambda: "cpumodeld: reload" in self.log_since(mark), "nothing is said of the reload", 20)
                self.assertEqual(client.call("daemon.status")["models"]["digest"], digest)
                try:
                    client.call("model.define", {"text": text})
                    defined.add(f"Mine{free}.cpumodel")
                except cpumodel.RPCError as error:
                    self.check_error(error, "notStored")
            self.assertEqual(set(os.listdir(self.directory / "models")), defined, f"with {free}")
        self.assertTrue(defined)
        self.daemon.kill()
        self.daemon.start()
        names = {f"{model['model']}.cpumodel" for model in self.call("model.list")["models"]}
        self.assertLessEqual(defined, names)
        self.check_serves()


class Memory(FaultCase):
    MESSAGE = 1 << 20
    GROWTH_KB = (64 << 10) + MEMORY_KB  # a message of that size is read into values that take more

    def start(self, *options):
        config = self.directory / "small.conf"
        config.write_text(f"[Limits]\nMessageSize={self.MESSAGE}\n")
        super().start("--config", str(config), *options)

    def test_too_much_is_refused_before_there_is_memory_for_it(self):
        self.start()
        client = self.connect()
        sizes = [2**16, 2**31, 2**62]
        with open(f"/proc/{self.daemon.process.pid}/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")  # the high-water mark of resident memory begins anew
        before = int(self.status("VmHWM").split()[0])
        calls = [("table.compute", {"model": "EPYC-Milan", "topology": {"cores": size}}) for size in sizes]
        calls += [("table.compute", {"model": "EPYC-Milan", "topology": {"sockets": 2**40, "cores": 2**40}})]
        calls += [("vm.apply", {"name": "bad", "model": "host", "topology": {"threads": size}}) for size in sizes]
        calls += [("vm.caps", {"vm": "nobody", "vcpus": [0] * 100_000})]
        calls += [("model.baseline", {"cpus": [{"model": "EPYC-Milan"}] * 2_000})]
        calls += [("model.define", {"text": "[Model]\nName=Mine\n" + "Features=" + "x" * (1 << 20)})]
        for method, params in calls:
            with contextlib.suppress(cpumodel.RPCError):
                client.call(method, params)
            self.assertIsNone(self.daemon.process.poll(), f"cpumodeld died of {method}:\n{self.daemon.log()}")
        growth = int(self.status("VmHWM").split()[0]) - before
        self.note(f"{growth / 1024:.1f} MiB at most")
        self.assertLess(growth, self.GROWTH_KB)
        self.check_serves()
        self.check_is_as_before()

    @needs_kvm
    @unless_sanitized("it ends the program itself, in its own way, when there is no memory")
    def test_restart_after_it_was_out_of_memory_loses_nothing(self):
        """An allocation that fails ends a Swift program. What was answered is on the disk, so the next one knows it."""
        (self.directory / "models").mkdir()
        self.wrap("ulimit -c 0")
        self.start("--defined-models", str(self.directory / "models"))
        owner = Owner(self.daemon, "stays", vcpus=2)
        self.addCleanup(owner.kill)
        text = "[Model]\nName=Mine\nExtends=EPYC-Milan-v2\nDescription=x\n"
        self.call("model.define", {"text": text})
        listed = self.vm_list()
        # Not RLIMIT_AS, which counts what malloc has reserved and not used yet.
        limits = resource.prlimit(self.daemon.process.pid, resource.RLIMIT_DATA)
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_DATA, (1 << 20, limits[1]))
        line = b'{"jsonrpc":"2.0","id":1,"method":"'.ljust(self.MESSAGE - 1, b"x")
        clients = []
        with contextlib.suppress(OSError):
            while len(clients) < 200:  # unfinished lines, which it has to keep
                clients.append(self.connect())
                clients[-1].send_bytes(line)
        status = self.daemon.process.wait(20)
        self.assertLess(status, 0, self.daemon.log())
        self.note(f"ended by {signal.Signals(-status).name} with {len(clients)} unfinished lines of 1 MiB")
        self.daemon.start()
        self.assertEqual(self.vm_list(), listed)
        self.assertIn("Mine", {model["model"] for model in self.call("model.list")["models"]})
        self.eventually(lambda: self.call("vm.show", {"vm": "stays"})["agent"], "the agent did not come back", 20)
        self.check_serves()
