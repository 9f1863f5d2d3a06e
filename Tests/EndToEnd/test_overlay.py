# SPDX-License-Identifier: Apache-2.0
"""A model laid over tables that a VMM made: vm.apply and table.compute with `base`, and VMs that grow by `join`."""

import compare
import kvm
from cases import INVALID_PARAMS, DaemonCase, needs_kvm

SIGNATURE = (0x4000_0000, 0, 0, 0x4000_0001, 0x6D72_6574, 0x2121, 0x2121)


def vmm_table(apic_id, threads=2):
    """A table as a VMM makes it: KVM's, with its own topology, hypervisor leaves and address width."""
    table = [entry for entry in kvm.supported_cpuid() if entry.leaf not in (1, 0xB, 0x1F) and entry.leaf >> 28 != 4]
    leaf1 = compare.find(kvm.supported_cpuid(), 1)
    ebx = leaf1.ebx & 0xFFFF | threads << 16 | apic_id << 24
    table.append(leaf1._replace(ebx=ebx, edx=leaf1.edx | 1 << 28, ecx=leaf1.ecx | 1 << 31))
    table.append(kvm.Entry(0xB, 0, 1, 1, threads, 0x100, apic_id))
    table.append(kvm.Entry(0xB, 1, 1, 1, threads, 0x201, apic_id))
    table.append(kvm.Entry(*SIGNATURE))
    sizes = compare.find(table, 0x8000_0008)
    table.remove(sizes)
    table.append(sizes._replace(eax=sizes.eax & ~0xFF | 40))
    return table


class Compute(DaemonCase):
    """table.compute with `base`."""

    def compute(self, **params):
        return self.call("table.compute", {"model": "EPYC-Milan", "unavailable": "drop", **params})

    def test_what_is_kept_and_what_is_not(self):
        if kvm.why_unusable():
            self.skipTest(kvm.why_unusable())
        base = vmm_table(5)
        result = self.compute(base=[kvm.to_json(base)])
        self.assertEqual([vcpu["apicId"] for vcpu in result["vcpus"]], [5])
        self.assertEqual(result["topology"]["threads"], 2)
        laid, own = kvm.from_json(result["vcpus"][0]["cpuid"]), kvm.from_json(self.compute()["vcpus"][0]["cpuid"])
        self.assertEqual(compare.find(laid, 1).ebx >> 16, 5 << 8 | 2)
        self.assertEqual(compare.find(laid, 0x4000_0000), kvm.Entry(*SIGNATURE))
        self.assertEqual(compare.find(laid, 0x8000_0008).eax & 0xFF, 40)
        self.assertEqual(compare.find(laid, 1).eax, compare.find(own, 1).eax)
        self.assertEqual(compare.find(laid, 7), compare.find(own, 7))
        for leaf in (0x8000_0002, 0x8000_0003, 0x8000_0004):
            self.assertEqual(compare.find(laid, leaf), compare.find(own, leaf))
        nothing = kvm.from_json(self.compute(base=[kvm.to_json(base)], keep=[])["vcpus"][0]["cpuid"])
        self.assertEqual(nothing, own)

    def test_bad_bases(self):
        if kvm.why_unusable():
            self.skipTest(kvm.why_unusable())
        base = kvm.to_json(vmm_table(5))
        with self.fails("badBase"):
            self.compute(base=[base, base])
        with self.fails("badBase"):
            self.compute(base=[[]])
        with self.fails("badBase"):
            self.compute(base="current")
        for params in (
            {"base": base}, {"base": "now"}, {"base": []}, {"base": [[{"leaf": 1}]]}, {"keep": ["topology"]},
            {"base": [base], "keep": ["everything"]}, {"base": [base], "topology": {"cores": 1}},
            {"base": [base * 10]}, {"base": [base], "apicIds": [5]},
        ):  # fmt: skip
            with self.fails(INVALID_PARAMS):
                self.compute(**params)


@needs_kvm
class Apply(DaemonCase):
    """vm.apply with `base`."""

    def test_given_and_current_are_the_same(self):
        tables = []
        for current in (True, False):
            vm = self.make_vm(2)
            bases = [vmm_table(vcpu) for vcpu in vm.ids]
            if current:
                for vcpu, base in zip(vm.vcpus, bases, strict=True):
                    kvm.set_cpuid2(vcpu, base)
                bases = vm.tables()
            params = {"base": "current"} if current else {"base": [kvm.to_json(base) for base in bases]}
            client = self.connect()
            result = self.apply(vm, client, model="EPYC-Milan", unavailable="drop", **params)
            self.assertEqual([vcpu["apicId"] for vcpu in result["vcpus"]], vm.ids)
            self.assertEqual(compare.find(client.asked[1], 0x4000_0000), kvm.Entry(*SIGNATURE))
            tables.append([client.asked[index] for index in (0, 1)])
        self.assertEqual(*tables)

    def test_current_of_vcpus_without_tables(self):
        vm, client = self.make_vm(), self.connect()
        with self.fails("badBase"):
            client.call("vm.apply", {"name": self.name(), "model": "host", "base": "current"}, vm.vcpus)
        self.assertEqual(vm.tables(), [[]])

    def test_as_many_bases_as_vcpus(self):
        vm, client = self.make_vm(2), self.connect()
        with self.fails("badBase"):
            base = [kvm.to_json(vmm_table(0))]
            client.call("vm.apply", {"name": self.name(), "model": "host", "base": base}, vm.vcpus)

    def test_vcpus_join_one_at_a_time(self):
        vm, client, name = self.make_vm(4), self.connect(), self.name()
        self.addCleanup(self.forget, name)
        params = {"name": name, "model": "EPYC-Milan", "unavailable": "drop", "altered": "accept", "join": True}
        for vcpu, number in zip(vm.vcpus, vm.ids, strict=True):
            base = [kvm.to_json(vmm_table(number))]
            result = client.call("vm.apply", {**params, "base": base}, [vcpu])
            self.assertEqual([(each["vcpuId"], each["index"]) for each in result["vcpus"]], [(number, number)])
        shown = self.call("vm.show", {"vm": name})
        self.assertEqual([each["vcpuId"] for each in shown["vcpus"]], vm.ids)
        self.assertEqual([each["index"] for each in shown["vcpus"]], [0, 1, 2, 3])
        self.assertEqual(len({each["stamp"] for each in shown["vcpus"]}), 1)
        self.assertEqual(shown["topology"]["sockets"] * shown["topology"]["threads"], 4)
        client.call("vm.apply", {**params, "base": [kvm.to_json(vmm_table(2))]}, [vm.vcpus[2]])
        self.assertEqual(len(self.call("vm.show", {"vm": name})["vcpus"]), 4)

    def test_who_may_join(self):
        vm, client, name = self.make_vm(2), self.connect(), self.name()
        self.addCleanup(self.forget, name)
        params = {"name": name, "altered": "accept", "unavailable": "drop"}
        client.call("vm.apply", {**params, "model": "host"}, [vm.vcpus[0]])
        last = {"apicIds": [1]}
        with self.fails("nameInUse"):  # another model
            client.call("vm.apply", {**params, **last, "model": "EPYC-Milan", "join": True}, [vm.vcpus[1]])
        with self.fails("nameInUse"):  # not said
            client.call("vm.apply", {**params, **last, "model": "host"}, [vm.vcpus[1]])
        client.call("vm.apply", {**params, **last, "model": "host", "join": True}, [vm.vcpus[1]])
        self.assertEqual(len(self.call("vm.show", {"vm": name})["vcpus"]), 2)
