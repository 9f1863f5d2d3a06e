# SPDX-License-Identifier: Apache-2.0
"""Who decided each bit: table.compute and vm.show with "explain", and what a VM's owner may choose of its table."""

import compare
import kvm
from cases import DaemonCase, needs_kvm
from test_overlay import vmm_table

KVM_CAP_SMALLER_MAXPHYADDR = 185
MILAN = {"model": "EPYC-Milan-v2,-avx2", "unavailable": "drop"}


@needs_kvm
class Explain(DaemonCase):
    """Explanations of tables that were computed, and of one that KVM holds."""

    def explanation(self, **explain):
        return self.call("table.compute", MILAN | {"explain": explain})

    def check_registers(self, registers, table):
        """Every register of the table is explained, and the values of its fields make it up."""
        for register in registers:
            total = sum(int(field["value"], 16) << field["low"] for field in register["fields"])
            self.assertEqual(total, int(register["value"], 16), register)
            for field in register["fields"]:
                self.assertTrue(field["reason"] and field["decidedBy"], field)
        places = {(r["leaf"], r.get("subleaf"), r["register"]): r["value"] for r in registers}
        for entry in table:
            for name in ("eax", "ebx", "ecx", "edx"):
                self.assertEqual(places[entry["leaf"], entry.get("subleaf"), name], entry[name])

    def test_every_register_of_a_computed_table(self):
        vcpu = self.explanation()["vcpus"][0]
        self.check_registers(vcpu["explanation"], vcpu["cpuid"])

    def test_one_subleaf(self):
        registers = self.explanation(leaf="0x7", subleaf="0x0")["vcpus"][0]["explanation"]
        self.assertEqual([r["register"] for r in registers], ["eax", "ebx", "ecx", "edx"])
        avx2 = next(f for f in registers[1]["fields"] if f["name"] == "avx2")
        self.assertEqual((avx2["low"], avx2["high"], avx2["value"], avx2["decidedBy"]), (5, 5, "0x0", "owner"))

    def test_without_it_there_is_none(self):
        self.assertNotIn("explanation", str(self.call("table.compute", MILAN)))

    def test_what_kvm_changed_of_a_vm_is_kvms(self):
        vm = self.make_vm(2)
        result = self.apply(vm, model="EPYC-Milan-v2", unavailable="drop")
        shown = self.call("vm.show", {"vm": result["vm"], "explain": {}})
        table = vm.tables()[0]
        held = {(r["leaf"], r.get("subleaf") or "0x0", r["register"]): int(r["value"], 16) for r in shown["explanation"]}
        for entry in table:
            for name in ("eax", "ebx", "ecx", "edx"):
                place = (f"0x{entry.leaf:08x}", f"0x{entry.subleaf:x}" if entry.flags & 1 else "0x0", name)
                self.assertEqual(held[place], getattr(entry, name), place)
        changed = sum(len(difference_set) for difference_set in result["differenceSets"])
        by_kvm = [f for r in shown["explanation"] for f in r["fields"] if f["decidedBy"] == "kvm"]
        self.assertEqual(bool(by_kvm), result["verdict"] == "altered" and changed > 0)

    def decider(self, registers, leaf, name, low):
        register = next(r for r in registers if (r["leaf"], r["register"]) == (leaf, name))
        return next(f["decidedBy"] for f in register["fields"] if f["low"] <= low <= f["high"])

    def test_a_vm_is_explained_with_the_options_it_was_applied_with(self):
        vm = self.make_vm()
        options = {"tscKHz": 2_100_000, "physicalAddressLimit": 40, "caches": "none"}
        result = self.apply(vm, model="EPYC-Milan-v2", unavailable="drop", **options)
        shown = self.call("vm.show", {"vm": result["vm"], "explain": {}})
        self.assertEqual(shown["options"], options)
        self.assertNotIn("keep", shown)
        # Without the options all of these would be KVM's doing.
        self.assertEqual(self.decider(shown["explanation"], "0x40000010", "eax", 0), "owner")
        for leaf, name, low in (("0x80000005", "ecx", 0), ("0x80000008", "eax", 0)):
            self.assertNotEqual(self.decider(shown["explanation"], leaf, name, low), "kvm", leaf)

    def test_what_a_vmm_kept_is_the_vmms(self):
        vm = self.make_vm(2)
        base = [vmm_table(vcpu) for vcpu in vm.ids]
        request = {"model": "EPYC-Milan", "unavailable": "drop", "base": [kvm.to_json(table) for table in base]}
        result = self.apply(vm, **request)
        shown = self.call("vm.show", {"vm": result["vm"], "explain": {}})
        self.assertEqual(shown["keep"], ["hypervisor", "physicalAddressBits", "topology", "tsc"])
        computed = self.call("table.compute", request | {"explain": {}, "vcpus": [0]})["vcpus"][0]
        self.check_registers(computed["explanation"], computed["cpuid"])
        for registers in (shown["explanation"], computed["explanation"]):
            for leaf, name, low in (("0x00000001", "ebx", 24), ("0x40000000", "ebx", 0), ("0x80000008", "eax", 0)):
                self.assertEqual(self.decider(registers, leaf, name, low), "vmm", (leaf, name))
            self.assertEqual(self.decider(registers, "0x00000001", "eax", 4), "model")


@needs_kvm
class Choices(DaemonCase):
    """Options of the request, seen on a real vCPU."""

    def applied(self, **options):
        vm = self.make_vm()
        self.apply(vm, model="EPYC-Milan-v2", unavailable="drop", **options)
        return vm.tables()[0]

    def value(self, table, leaf, register):
        entry = compare.find(table, leaf)
        return getattr(entry, register) if entry else None

    def test_tsc_frequency_is_told(self):
        table = self.applied(tscKHz=2_100_000)
        self.assertEqual(self.value(table, 0x40000010, "eax"), 2_100_000)
        self.assertEqual(self.value(table, 0x40000000, "eax"), 0x40000010)

    def test_kvm_is_hidden(self):
        table = self.applied(kvm=False)
        self.assertFalse([entry for entry in table if entry.leaf >> 28 == 4 and entry.eax | entry.ebx])

    def test_caches_are_hidden(self):
        table = self.applied(caches="none")
        self.assertFalse([e for e in table if e.leaf == 0x8000001D and e.eax & 0x1F])

    def test_levels_are_the_ones_asked_for(self):
        table = self.applied(extendedLevel="0x80000008")
        self.assertEqual(self.value(table, 0x80000000, "eax"), 0x80000008)

    def test_extended_topology(self):
        self.assertEqual(self.value(self.applied(extendedTopology=True), 0x80000000, "eax"), 0x80000026)

    def test_narrow_addresses_are_noted_where_kvm_does_not_make_up_for_them(self):
        host = self.call("host.describe", {})
        for makes_up in (0, 1):
            host["capabilities"]["SMALLER_MAXPHYADDR"] = makes_up
            for bits in (40, "host"):
                request = {"model": "host", "host": host, "physicalAddressBits": bits}
                notes = [n for n in self.call("table.compute", request)["notes"] if "MAXPHYADDR" in n]
                self.assertEqual(len(notes), int(bits == 40 and not makes_up), (makes_up, bits))
        vm = self.make_vm()
        notes = self.apply(vm, physicalAddressBits=40)["notes"]
        makes_up = kvm.check_extension(KVM_CAP_SMALLER_MAXPHYADDR)
        self.assertEqual(bool([n for n in notes if "MAXPHYADDR" in n]), not makes_up)

    def test_amx_needs_a_permission_that_is_named_before_anything_is_applied(self):
        host = self.call("host.describe", {})
        asked = {"model": "SapphireRapids", "unavailable": "drop", "host": host}
        self.assertEqual(self.call("table.compute", asked)["requirements"], [])
        for leaf, subleaf, registers in (
            (0x7, 0, {"edx": 1 << 22 | 1 << 24 | 1 << 25}), (0xD, 0, {"eax": 0x602E7}), (0xD, 1, {"eax": 0x1F}),
            (0xD, 5, {"eax": 64, "ebx": 1088}), (0xD, 6, {"eax": 512, "ebx": 1152}), (0xD, 7, {"eax": 1024, "ebx": 1664}),
            (0xD, 17, {"eax": 64, "ebx": 2752, "ecx": 2}), (0xD, 18, {"eax": 8192, "ebx": 2816, "ecx": 6}),
            (0x1D, 0, {"eax": 1}), (0x1D, 1, {"eax": 0x04002000, "ebx": 0x80040, "ecx": 0x10}), (0x1E, 0, {"ebx": 0x4010}),
        ):  # fmt: skip
            for name in ("supportedCPUID", "nativeCPUID"):
                table = kvm.from_json(host[name])
                entry = compare.find(table, leaf, subleaf) or kvm.Entry(leaf, subleaf, 1, 0, 0, 0, 0)
                values = {register: getattr(entry, register) | bits for register, bits in registers.items()}
                host[name] = kvm.to_json([e for e in table if e is not entry] + [entry._replace(**values)])
        for method in ("table.compute", "model.expand"):
            params = {k: v for k, v in asked.items() if method == "table.compute" or k != "unavailable"}
            (requirement,) = self.call(method, params)["requirements"]
            self.assertEqual((requirement["kind"], requirement["component"]), ("xstatePermission", 18))
            self.assertIn("ARCH_REQ_XCOMP_GUEST_PERM", requirement["how"])

    def test_bad_choices_are_named(self):
        for options, word in (
            ({"caches": "all"}, "caches"), ({"level": "0x40000000"}, "level"), ({"hyperV": ["relax"]}, "hyperV"),
            ({"tscKHz": 0}, "tscKHz"), ({"enclavePageCache": [{"address": "0x1", "size": "0x1000"}]}, "4096"),
            ({"explain": {"subleaf": "0x0"}}, "subleaf"),
        ):
            with self.fails(-32602) as caught:
                self.call("table.compute", MILAN | options)
            self.assertIn(word, str(caught.exception), options)
