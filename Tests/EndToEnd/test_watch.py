# SPDX-License-Identifier: Apache-2.0
"""vm.watch: what is there at first, then everything that happens, in order; and nobody waits for a watcher."""

import contextlib

import cpumodel
import schema
from cases import INVALID_PARAMS, needs_kvm
from owners import EXITS, SPIN
from test_caps import OSXSAVE
from test_verify import ADDRESSES, IBPB, VerifyCase


class Watcher(cpumodel.Connection):
    """A connection that watches, and collects what it is told."""

    def __init__(self, path, timeout=20.0):
        super().__init__(path, timeout)
        self.events = []
        self._seen = 0

    def watch(self, **params):
        self.result = self.call("vm.watch", params)
        return self.result

    def serve(self, request, fds):
        if request["method"] == "vm.event":
            self.events.append(request["params"])
        else:
            super().serve(request, fds)

    def next(self, kind=None, vm=None):
        """The next event, of a kind and about a VM where these are given; others before it are passed over."""
        while True:
            while self._seen == len(self.events):
                self.serve(*self.receive())
            event = self.events[self._seen]
            self._seen += 1
            if kind in (None, event["event"]) and vm in (None, event.get("vm")):
                return event


class WatchCase(VerifyCase):
    def watcher(self, query=True, **params):
        watcher = self.daemon.connect(Watcher, query=query)
        self.addCleanup(watcher.close)
        watcher.watch(**params)
        return watcher

    def check_sequence(self, watcher):
        """No event is missing, and all are of this watch and as they are described."""
        self.assertEqual([event["sequence"] for event in watcher.events], list(range(1, len(watcher.events) + 1)))
        self.assertEqual({event["watch"] for event in watcher.events} - {watcher.result["watch"]}, set())


@needs_kvm
class Coming(WatchCase):
    def test_what_is_there_comes_first_and_then_what_happens(self):
        for query in (True, False):
            with self.subTest(query=query):
                before = self.owner(agent=False)
                watcher = self.watcher(query)
                self.assertIn(before.name, [vm["vm"] for vm in watcher.result["vms"]])
                (listed,) = [vm for vm in self.vm_list() if vm["vm"] == before.name]
                (told,) = [vm for vm in watcher.result["vms"] if vm["vm"] == before.name]
                self.assertEqual(told, {**listed, "drifted": False})
                owner = self.owner(agent=False)
                event = watcher.next()
                self.assertEqual((event["event"], event["vm"]), ("appeared", owner.name))
                (listed,) = [vm for vm in self.vm_list() if vm["vm"] == owner.name]
                self.assertEqual(event["record"], listed)
                owner.kill()
                event = watcher.next()
                self.assertEqual((event["event"], event["vm"], event["reason"]), ("gone", owner.name, "ownerEnded"))
                self.call("vm.forget", {"vm": before.name})
                event = watcher.next()
                self.assertEqual((event["event"], event["vm"], event["reason"]), ("gone", before.name, "forgotten"))
                self.check_sequence(watcher)

    def test_replaced_and_joined(self):
        vm, client, name = self.make_vm(2), self.connect(), self.name()
        watcher = self.watcher(vms=[name])
        self.assertEqual(watcher.result["vms"], [])
        params = {"name": name, "model": "host", "altered": "accept"}
        client.call("vm.apply", params, vm.vcpus[:1])
        self.addCleanup(self.forget, name)
        self.assertEqual(watcher.next()["event"], "appeared")
        client.call("vm.apply", {**params, "join": True, "apicIds": [1]}, vm.vcpus[1:])
        event = watcher.next()
        self.assertEqual((event["event"], event["record"]["vcpuCount"]), ("changed", 2))
        client.call("vm.apply", {**params, "replace": True}, vm.vcpus)
        self.assertEqual([watcher.next()["event"], watcher.next()["event"]], ["gone", "appeared"])
        self.assertEqual(watcher.events[-2]["reason"], "replaced")
        self.check_sequence(watcher)

    def test_only_what_is_asked_for(self):
        name = self.name()
        watcher = self.watcher(vms=[name, "nobody"])
        self.owner(agent=False)
        self.owner(name, agent=False)
        self.assertEqual([watcher.next()["vm"], len(watcher.events)], [name, 1])

    def test_two_watches_of_one_connection(self):
        watcher = self.watcher(vms=["nobody"])
        first, second = watcher.result["watch"], watcher.watch()["watch"]
        self.assertNotEqual(first, second)
        self.owner(agent=False)
        self.assertEqual(watcher.next()["watch"], second)

    def test_drift_and_its_end(self):
        owner = self.owner(vcpus=2)
        watcher = self.watcher(vms=[owner.name])
        owner.change_entry(ADDRESSES, 0, 1, ebx=IBPB)
        self.assertEqual(self.verify(owner)["outcome"], "drifted")
        event = watcher.next()
        self.assertEqual((event["event"], event["verification"]["outcome"]), ("drifted", "drifted"))
        self.assertEqual([vcpu["differenceSet"] for vcpu in event["verification"]["vcpus"]], [None, 0])
        self.assertEqual(self.verify(owner)["outcome"], "drifted")  # no news
        self.assertTrue(self.watcher(vms=[owner.name]).result["vms"][0]["drifted"])
        owner.change_entry(ADDRESSES, 0, 1, ebx=IBPB)
        self.assertEqual(self.verify(owner)["outcome"], "asRecorded")
        self.assertEqual(watcher.next()["event"], "recovered")
        self.check_sequence(watcher)

    def test_a_watch_that_verifies_finds_drift_by_itself(self):
        owner = self.owner()
        watcher = self.watcher(vms=[owner.name], verifyMs=1000)
        owner.change_entry(ADDRESSES, ebx=IBPB)
        self.assertEqual(watcher.next()["event"], "drifted")

    def test_events_are_as_described(self):
        """Every event of this class's daemon so far, held against the schema in Protocol.md's words."""
        owner = self.owner()
        watcher = self.watcher(capsMs=100)
        watcher.next("capsChanged")
        owner.change_entry(ADDRESSES, ebx=IBPB)
        self.verify(owner)
        watcher.next("drifted")
        owner.kill()
        watcher.next("gone")
        self.check_sequence(watcher)
        document = self.call("rpc.discover")
        (method,) = [method for method in document["methods"] if method["name"] == "vm.watch"]
        for event in watcher.events:
            self.assertEqual(schema.mismatches(event, method["x-notifies"]["schema"], document), [])
        self.assertEqual(method["x-notifies"]["name"], "vm.event")

    def test_parameters(self):
        for params in ({"capsMs": 99}, {"verifyMs": 999}, {"vms": "x"}, {"vm": "x"}, {"capsMs": True}):
            with self.subTest(params=params), self.fails(INVALID_PARAMS):
                self.call("vm.watch", params)

    def test_as_many_watches_as_there_may_be(self):
        with contextlib.ExitStack() as stack:
            watcher = stack.enter_context(self.daemon.connect(Watcher, query=True))
            with self.fails("limitExceeded"):
                for _ in range(300):
                    watcher.watch(vms=["nobody"])
        # They end with their connection.
        self.eventually(self.can_watch, "the watches have not ended")

    def can_watch(self):
        with self.daemon.connect(Watcher, query=True) as watcher, contextlib.suppress(cpumodel.RPCError):
            return watcher.watch(vms=["nobody"])["watch"] > 0
        return False


@needs_kvm
class Caps(WatchCase):
    def changes(self, watcher, field):
        """The next change of a field: what it was, or None, and what it is."""
        while True:
            change = watcher.next("capsChanged")["changes"].get(field)
            if change:
                return change.get("from"), change["to"]

    def test_through_the_agent(self):
        owner = self.owner(vcpus=2)
        watcher = self.watcher(vms=[owner.name], capsMs=100)
        before, now = self.changes(watcher, "osxsave")
        self.assertEqual((before, now["value"], now["source"]), (None, False, "kernel"))
        base = owner.registers(1)
        owner.set_registers(1, cr4=base["cr4"] | OSXSAVE, xcr0=7)
        before, now = self.changes(watcher, "osxsave")
        while before is None:  # of the other vCPU, for the first time
            before, now = self.changes(watcher, "osxsave")
        self.assertEqual((before["value"], now["value"], now["source"]), (False, True, "kernel"))
        self.assertEqual(watcher.events[-1]["vcpu"], 1)
        self.check_sequence(watcher)

    def test_through_the_run_page_and_it_is_put_back(self):
        owner = self.owner(agent=False)
        before = owner.page()[:2]
        owner.start(0, EXITS)
        watcher = self.watcher(vms=[owner.name], capsMs=100)
        _, now = self.changes(watcher, "osxsave")
        self.assertEqual((now["value"], now["source"]), (False, "run-page"))
        base = owner.registers()
        owner.set_registers(cr4=base["cr4"] | OSXSAVE)
        before_value, now = self.changes(watcher, "osxsave")
        self.assertEqual((before_value["value"], now["value"], now["source"]), (False, True, "run-page"))
        self.assertEqual(owner.page()[0], 2, "the registers are asked for as long as the watch lasts")
        watcher.close()
        self.eventually(lambda: owner.page()[:2] == before, "the run page was not put back")

    def test_guest_that_does_not_return_is_not_waited_for(self):
        spinning, other = self.owner(agent=False), self.owner()
        spinning.start(0, SPIN)
        watcher = self.watcher(vms=[spinning.name, other.name], capsMs=100)
        self.assertEqual(watcher.next("capsChanged", other.name)["event"], "capsChanged")
        base = other.registers()
        other.set_registers(cr4=base["cr4"] | OSXSAVE)
        self.assertTrue(watcher.next("capsChanged", other.name)["changes"]["osxsave"]["to"]["value"])
        # Of the one nothing that it may have changed itself is claimed.
        for event in watcher.events:
            if event["vm"] == spinning.name:
                self.assertEqual(set(event["changes"]) & {"osxsave", "ospke", "xsaveSize"}, set())

    def test_dead_vm_is_not_pinned_by_a_watch(self):
        owner = self.owner(agent=True)
        owner.start(0, EXITS)
        watcher = self.watcher(vms=[owner.name], capsMs=100)
        watcher.next("capsChanged")
        owner.kill()
        watcher.next("gone")
        self.eventually(lambda: not self.vcpu_descriptors(), "a vCPU is still held")
        self.eventually(lambda: "kvm-vcpu" not in self.maps(), "a run page is still mapped")

    def maps(self):
        with open(f"/proc/{self.daemon.process.pid}/maps", encoding="utf-8") as file:
            return file.read()


@needs_kvm
class SlowReaders(WatchCase):
    def test_slow_reader_is_dropped_with_a_notice_and_others_are_served(self):
        slow, quick = self.watcher(), self.watcher()
        vm, client, name = self.make_vm(), self.connect(), self.name()
        params = {"name": name, "model": "host", "altered": "accept", "replace": True}
        self.addCleanup(self.forget, name)
        # Some 800 bytes each time. The kernel takes 200 KiB for a reader that does not read, and the daemon 256 KiB.
        for _ in range(700):
            result = client.call("vm.apply", params, vm.vcpus)
            self.assertEqual(quick.next("appeared")["record"]["requestId"], result["requestId"])
        self.check_sequence(quick)
        self.assertEqual(slow.next("dropped").keys(), {"watch", "sequence", "event"})
        self.check_sequence(slow)
        self.assertLess(len(slow.events), len(quick.events))
        self.note(f"dropped after {len(slow.events)} of {len(quick.events)} events")
        # The connection lives on, and can watch again.
        self.assertEqual(slow.watch(vms=[name])["vms"][0]["vm"], name)
