# SPDX-License-Identifier: Apache-2.0
"""vm.apply on VMs that these processes made: every claim of the daemon is read back by the client."""

import json
import os
import unittest

import compare
import cpumodel
import kvm
from cases import DaemonCase, needs_kvm
from harness import Child, Daemon, Recorder

DYING_NOTICED_WITHIN = 2.0


@needs_kvm
class Apply(DaemonCase):
    """One VM, some vCPUs."""

    def check_vcpus(self, count):
        if count > kvm.check_extension(kvm.KVM_CAP_MAX_VCPUS):
            self.skipTest(f"this KVM has no VM of {count} vCPUs")
        result = self.apply(self.make_vm(count))
        self.assertEqual(len({vcpu["stamp"] for vcpu in result["vcpus"]} | {result["stamp"]}), 1)

    def test_1_vcpu(self):
        self.check_vcpus(1)

    def test_4_vcpus(self):
        self.check_vcpus(4)

    def test_64_vcpus(self):
        self.check_vcpus(64)

    def test_300_vcpus_need_two_messages_each_way(self):
        self.check_vcpus(300)

    def test_without_an_apic_in_the_kernel(self):
        self.apply(self.make_vm(2, irqchip=False))

    def test_guest_runs_with_the_table(self):
        vm = self.make_vm(2)
        self.apply(vm)
        before = vm.tables()
        vm.run(0)
        self.assertEqual(compare.verdict(before[0], kvm.get_cpuid2(vm.vcpus[0])), "exact")

    def test_guest_is_told_that_it_is_one(self):
        vm = self.make_vm()
        self.apply(vm)
        self.assertTrue(compare.find(vm.tables()[0], 1).ecx >> 31 & 1)

    def test_named_model_with_what_the_host_lacks_dropped(self):
        result = self.apply(self.make_vm(2), model="EPYC-Milan-v2,-svm", unavailable="drop")
        self.assertEqual(result["model"], "EPYC-Milan-v2")
        self.assertEqual(result["expression"], "EPYC-Milan-v2,-svm")
        for item in result["dropped"]:
            self.assertTrue(item["feature"] and item["reason"], item)
        self.note(f"{len(result['dropped'])} dropped")

    def test_the_bits_that_are_named_are_those_that_kvm_changed(self):
        """No more, no fewer, and each under the right class: by what the client gave KVM and read back itself."""
        for model in ("host", "EPYC-Milan-v2", "Skylake-Server-v4", "base"):
            vm, client = self.make_vm(), self.connect()
            result = self.apply(vm, client, model=model, unavailable="drop")
            want, got = client.asked[0], vm.tables()[0]
            named, ways = {}, {"forcedOn": (0, 1), "forcedOff": (1, 0)}
            for item in (item for each in result["differenceSets"] for item in each if "register" in item):
                place = int(item["leaf"], 16), int(item["subleaf"], 16), item["register"]
                bits = [bit["bit"] for bit in item.get("bits", ())]
                self.assertEqual(len(bits), len(set(bits)), item)
                a, b = (getattr(compare.find(table, *place[:2]), place[2]) for table in (want, got))
                for bit in bits:
                    self.assertTrue((a ^ b) >> bit & 1, (model, item, bit))
                    if way := ways.get(item["class"]):
                        self.assertEqual((a >> bit & 1, b >> bit & 1), way, (model, item, bit))
                self.assertFalse(named.get(place, 0) & sum(1 << bit for bit in bits), (model, item))
                named[place] = named.get(place, 0) | sum(1 << bit for bit in bits)
                if item["class"] in ways:
                    self.assertTrue(bits, item)
            changed = {place: a ^ b for place, (a, b) in compare.differences(want, got).items() if place[2]}
            self.assertEqual(set(named), set(changed), model)
            # A register of features has all its changed bits named; one that holds a number has none.
            for place, mask in named.items():
                self.assertIn(mask, (0, changed[place]), (model, place))
            self.note(f"{model}: {sum(mask.bit_count() for mask in named.values())}")

    def test_computed_table_is_the_applied_one(self):
        vm, client = self.make_vm(2), self.connect()
        self.apply(vm, client, model="Skylake-Server", unavailable="drop")
        params = {"model": "Skylake-Server", "unavailable": "drop", "topology": {"cores": 2}}
        text = str(client.call("table.compute", params))
        for register in compare.find(client.asked[1], 1)[3:]:
            self.assertIn(f"{register:08x}", text)

    def test_physical_address_bits(self):
        vm = self.make_vm()
        self.apply(vm, physicalAddressBits=40)
        self.assertEqual(compare.find(vm.tables()[0], 0x80000008).eax & 0xFF, 40)

    def test_two_requests_pipelined(self):
        machines, client = [self.make_vm(2), self.make_vm(3)], self.connect(cpumodel.Connection)
        names = [self.name() for _ in machines]
        ids = [
            client.start("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
            for name, vm in zip(names, machines, strict=True)
        ]
        for request, name, vm in zip(ids, names, machines, strict=True):
            self.addCleanup(self.forget, name)
            result = client.wait(request)
            self.assertEqual((result["vm"], len(result["vcpus"])), (name, len(vm.vcpus)))

    def line(self, count):
        """A vm.apply of `count` vCPUs as it goes over the wire."""
        params = {"name": self.name(), "model": "host", "altered": "accept", "fds": count}
        self.addCleanup(self.forget, params["name"])
        return json.dumps({"jsonrpc": "2.0", "id": "x", "method": "vm.apply", "params": params}).encode() + b"\n"

    def test_descriptors_on_the_line_feed(self):
        vm, client = self.make_vm(2), self.connect()
        client.send_bytes(self.line(2).removesuffix(b"\n"))
        client.send_bytes(b"\n", vm.vcpus)
        self.check_result(client.wait("x"), vm, client.asked)

    def test_one_descriptor_a_byte(self):
        vm, client, data = self.make_vm(5), self.connect(), self.line(5)
        for index, vcpu in enumerate(vm.vcpus):
            client.send_bytes(data[index : index + 1], [vcpu])
        client.send_bytes(data[len(vm.vcpus) :])
        self.check_result(client.wait("x"), vm, client.asked)

    def test_stamp_survives_the_daemon(self):
        stamps = [self.apply(self.make_vm(2), model="EPYC-Milan", unavailable="drop")["stamp"]]
        another = Daemon().start()
        self.addCleanup(another.remove)
        self.addCleanup(another.stop)
        vm = self.make_vm(2)
        params = {"name": "web-1", "model": "EPYC-Milan", "unavailable": "drop", "altered": "accept"}
        with another.connect() as client:
            stamps.append(client.call("vm.apply", params, vm.vcpus)["stamp"])
        self.assertEqual(*stamps)

    def test_registers_that_were_set_before_are_read_and_explain_the_table(self):
        """OSXSAVE follows CR4: read back set, it is as predicted, once CR4 is known."""
        vm, client = self.make_vm(2), self.connect()
        if not vm.set_osxsave(1):
            self.skipTest("this KVM does not take CR4.OSXSAVE")
        name = self.name()
        self.addCleanup(self.forget, name)
        result = client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
        self.assertEqual([compare.find(table, 1).ecx >> 27 & 1 for table in vm.tables()], [0, 1])
        differences = result["differenceSets"][result["vcpus"][1]["differenceSet"]]
        osxsave = {"bit": 27, "feature": "osxsave"}
        self.assertEqual([each["class"] for each in differences if osxsave in each.get("bits", [])], ["runtime"])

    def test_other_model_has_another_stamp(self):
        stamps = {self.apply(self.make_vm(), physicalAddressBits=bits)["stamp"] for bits in (39, 40)}
        self.assertEqual(len(stamps), 2)


@needs_kvm
class Policies(DaemonCase):
    """What a failure leaves on the vCPUs: what was there before."""

    def prepare(self, vm):
        """Gives each vCPU a table of its own; returns what KVM made of them."""
        for number, vcpu in enumerate(vm.vcpus):
            table = [entry for entry in kvm.supported_cpuid() if entry.leaf < 0x40000000]
            table.append(kvm.Entry(0x40000000, 0, 0, 0x40000000, 0x1000 + number, 2, 3))
            kvm.set_cpuid2(vcpu, table)
        return vm.tables()

    def test_altered_fail_puts_everything_back(self):
        for prepared in (True, False):
            vm, client, name = self.make_vm(4), self.connect(), self.name()
            before = self.prepare(vm) if prepared else vm.tables()
            self.addCleanup(self.forget, name)
            try:
                result = client.call("vm.apply", {"name": name, "model": "host"}, vm.vcpus)
            except cpumodel.RPCError as error:
                self.check_error(error, "altered")
                self.assertIs(error.data["restored"], True)
                self.assertEqual(len(error.data["vcpus"]), 4)
                self.assertTrue(error.data["differenceSets"])
                self.assertEqual(vm.tables(), before)
                self.assertNotIn(name, self.registered())
            else:
                self.check_result(result, vm, client.asked)
                self.assertIn(result["verdict"], ("exact", "runtime"))

    def test_unavailable_fail_changes_nothing(self):
        refused = 0
        for model in ("EPYC-Milan-v2", "Skylake-Server-v4"):
            vm, client, name = self.make_vm(2), self.connect(), self.name()
            before = self.prepare(vm)
            self.addCleanup(self.forget, name)
            try:
                client.call("vm.apply", {"name": name, "model": model, "altered": "accept"}, vm.vcpus)
            except cpumodel.RPCError as error:
                refused += 1
                self.check_error(error, "featuresUnavailable")
                for item in error.data["features"]:
                    self.assertTrue(item["feature"] and item["reason"] and 0 <= item["bit"] < 64, item)
                    self.assertTrue("msr" in item or {"leaf", "subleaf", "register"} <= item.keys(), item)
                self.assertEqual((client.jobs, vm.tables()), (0, before))
                self.assertNotIn(name, self.registered())
                self.check_dropped_is(model, error.data["features"])
        if not refused:
            self.skipTest("this host gives all that both models name")

    def check_dropped_is(self, model, features):
        result = self.apply(self.make_vm(), model=model, unavailable="drop")
        self.assertEqual([item["feature"] for item in result["dropped"]], [item["feature"] for item in features])

    def test_vcpu_that_has_run_is_refused_and_the_others_restored(self):
        vm, client, name = self.make_vm(4), self.connect(), self.name()
        before = self.prepare(vm)
        vm.run(2)
        with self.fails("refused") as caught:
            client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
        data = caught.exception.data
        self.assertEqual((data["vcpu"], data["errno"], data["errnoName"]), (2, 22, "EINVAL"))
        self.assertIs(data["restored"], True)
        self.assertEqual(vm.tables(), before)
        self.assertNotIn(name, self.registered())


@needs_kvm
class Topologies(DaemonCase):
    """vCPU ids, APIC ids and the counts must fit."""

    topology = {"sockets": 2, "cores": 3, "threads": 2}
    # Three cores take two bits, two threads one.
    ids = [socket << 3 | core << 1 | thread for socket in (0, 1) for core in (0, 1, 2) for thread in (0, 1)]

    def test_ids_of_the_topology(self):
        result = self.apply(self.make_vm(ids=self.ids), topology=self.topology)
        self.assertEqual([vcpu["apicId"] for vcpu in result["vcpus"]], self.ids)

    def test_wrong_ids_are_told_the_right_ones(self):
        vm = self.make_vm(12)
        with self.fails("badTopology") as caught:
            self.connect().call("vm.apply", {"name": self.name(), "model": "host", "topology": self.topology}, vm.vcpus)
        self.assertEqual(caught.exception.data["expectedVCPUIds"], self.ids)
        self.assertEqual(caught.exception.data["foundVCPUIds"], vm.ids)

    def test_given_apic_ids(self):
        result = self.apply(self.make_vm(12, irqchip=False), topology=self.topology, apicIds=self.ids)
        self.assertEqual([vcpu["apicId"] for vcpu in result["vcpus"]], self.ids)

    def test_counts_must_give_the_number_of_vcpus(self):
        vm = self.make_vm(3)
        with self.fails("badTopology"):
            self.connect().call("vm.apply", {"name": self.name(), "model": "host", "topology": {"cores": 4}}, vm.vcpus)


@needs_kvm
class Registry(DaemonCase):
    """Names, replacement, and the end of an owner."""

    def test_list_show_forget(self):
        vm, name = self.make_vm(2), self.name()
        stamp = self.apply(vm, name=name)["stamp"]
        listed = next(each for each in self.vm_list() if each["vm"] == name)
        self.assertEqual(listed["stamp"], stamp)
        self.assertIn(stamp, str(self.call("vm.show", {"vm": name})))
        self.call("vm.forget", {"vm": name})
        self.assertNotIn(name, self.registered())
        with self.fails("unknownVM"):
            self.call("vm.show", {"vm": name})

    def test_registration_outlives_the_connection(self):
        name = self.name()
        with self.daemon.connect(Recorder) as client:
            self.apply(self.make_vm(), client, name=name)
        self.assertIn(name, self.registered())

    def test_forgetting_closes_every_descriptor(self):
        vm, name = self.make_vm(8), self.name()
        with self.daemon.connect(Recorder) as client:
            self.apply(vm, client, name=name)
        self.call("vm.forget", {"vm": name})
        self.check_descriptors_are_as_before()

    def test_name_in_use(self):
        name = self.name()
        self.apply(self.make_vm(), name=name)
        vm = self.make_vm()
        with self.fails("nameInUse") as caught:
            self.connect().call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
        self.assertEqual((caught.exception.data["vm"], caught.exception.data["pid"]), (name, os.getpid()))
        self.assertEqual(vm.tables(), [[]])

    def test_replace(self):
        name = self.name()
        self.apply(self.make_vm(), name=name)
        result = self.apply(self.make_vm(2), name=name, replace=True, physicalAddressBits=40)
        listed = [each for each in self.vm_list() if each["vm"] == name]
        self.assertEqual([each["stamp"] for each in listed], [result["stamp"]])

    @unittest.skipUnless(os.getuid() == 0, "only root can become another user")
    def test_replace_is_for_the_same_user(self):
        name = self.name()
        stamp = self.apply(self.make_vm(), name=name)["stamp"]
        self.daemon.open_to_all()

        def work(pipe):
            vm = kvm.VM()
            os.setuid(65534)
            with self.daemon.connect() as client, self.fails("nameInUse", "notPermitted"):
                params = {"name": name, "model": "host", "altered": "accept", "replace": True}
                client.call("vm.apply", params, vm.vcpus)

        with Child(work) as child:
            self.assertEqual(child.wait(), 0)
        self.assertEqual([vm["stamp"] for vm in self.vm_list() if vm["vm"] == name], [stamp])

    def test_unknown_vm_suggests_one(self):
        name = self.name()
        self.apply(self.make_vm(), name=name)
        with self.fails("unknownVM") as caught:
            self.call("vm.show", {"vm": name + "x"})
        self.assertEqual(caught.exception.data["suggestion"], name)

    def test_death_of_the_owner_ends_the_registration(self):
        name = self.name()
        with self.launcher(name, 4) as child:
            child.expect("applied")
            self.assertIn(name, self.registered())
            child.kill()
            self.eventually(lambda: name not in self.registered(), "the VM is still listed", DYING_NOTICED_WITHIN)
        self.check_descriptors_are_as_before()

    def test_two_launchers_at_once(self):
        names = [self.name() for _ in range(2)]
        for _ in range(5):
            children = [self.launcher(name, 8) for name in names]
            for child in children:
                self.addCleanup(child.kill)
            for child in children:
                child.expect("applied")
            self.assertLessEqual(set(names), self.registered())
            for child in children:
                child.kill()
            self.eventually(lambda: not self.registered() & set(names), "a VM is still listed", DYING_NOTICED_WITHIN)

    def launcher(self, name, vcpus):
        """A process of its own that makes a VM, applies a model, checks it, says so, and waits."""

        def work(pipe):
            vm = kvm.VM(vcpus)
            client = self.daemon.connect(Recorder)
            result = client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
            self.check_result(result, vm, client.asked)
            pipe.sendall(b"applied")
            pipe.recv(1)

        return Child(work)
