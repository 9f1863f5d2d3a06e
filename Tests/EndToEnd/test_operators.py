# SPDX-License-Identifier: Apache-2.0
"""What operators ask of many VMs at once: who may use a feature, who runs an older version, whose vCPUs differ."""

import json

import kvm
import vmm
from cases import needs_kvm
from test_caps import OSXSAVE, CapsCase
from test_ctl import ANSWERED, NO, USAGE, ctl

# Each with the place of its bit; some of them any KVM takes from a guest that is to be without.
STATIC = {
    "avx2": (7, 0, "ebx", 5), "lahf-lm": (0x80000001, 0, "ecx", 0), "abm": (0x80000001, 0, "ecx", 5),
    "3dnowprefetch": (0x80000001, 0, "ecx", 8), "xsavec": (0xD, 1, "eax", 1), "invtsc": (0x80000007, 0, "edx", 8),
    "amx-tile": (7, 0, "edx", 24),
}  # fmt: skip


class OperatorCase(CapsCase):
    def list(self, **params):
        """The VMs of a vm.list on the query socket, by name."""
        with self.daemon.connect(query=True) as client:
            return {vm["vm"]: vm for vm in client.call("vm.list", params)["vms"]}

    def ask(self, *arguments, status=ANSWERED):
        done = ctl(*arguments, "--socket", self.daemon.query_path)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout


@needs_kvm
class WithFeatures(OperatorCase):
    def test_static_features_are_as_the_kernel_has_them(self):
        without = ",".join("-" + name for name in STATIC if name != "amx-tile")
        owners = [self.owner(vcpus=2, agent=False), self.owner(agent=False, model=f"host,{without}")]
        told_apart = 0
        for name, (leaf, subleaf, register, bit) in STATIC.items():
            expected = set()
            for owner in owners:
                entry = owner.entry(leaf, subleaf)
                supported = [e for e in kvm.supported_cpuid() if (e.leaf, e.subleaf) == (leaf, subleaf)]
                if entry and supported and getattr(entry, register) & getattr(supported[0], register) >> bit & 1:
                    expected.add(owner.name)
                elif entry and getattr(entry, register) >> bit & 1:
                    self.note(f"{name} is shown and KVM has it not")
            found = self.list(**{"with": [name]})
            self.assertEqual(set(found) & {owner.name for owner in owners}, expected, name)
            told_apart += len(expected) == 1
            for vm in found.values():
                (said,) = vm["with"]
                self.assertEqual((said["feature"], said["runtime"], said["unknown"]), (name, False, 0))
                self.assertEqual((said["source"], said["vcpus"]), ("record", vm["vcpuCount"]))
        self.assertGreater(told_apart, 0, "no feature tells the two apart")
        self.note(f"{told_apart} features tell the VMs apart")

    def test_runtime_feature_is_told_by_the_running_vcpu(self):
        on, off, dark = self.owner(vcpus=2), self.owner(), self.owner(agent=False)
        on.set_registers(1, cr4=on.registers(1)["cr4"] | OSXSAVE)
        found = self.list(**{"with": ["osxsave"], "deadlineMs": 2000})
        (said,) = found[on.name]["with"]
        self.assertEqual((said["runtime"], said["vcpus"], said["unknown"], said["source"]), (True, 1, 0, "kernel"))
        self.assertLess(said["ageMs"], 20000)
        self.assertNotIn(off.name, found)
        # A vCPU that nobody can look at may have it: it is neither left out nor claimed.
        (said,) = found[dark.name]["with"]
        self.assertEqual((said["vcpus"], said["unknown"], said["source"]), (0, 1, "record"))

    def test_all_features_must_be_there(self):
        on, off = self.owner(), self.owner()
        on.set_registers(cr4=on.registers()["cr4"] | OSXSAVE)
        self.assertLessEqual({on.name, off.name}, set(self.list(**{"with": ["fpu"]})))
        found = self.list(**{"with": ["FPU", "osxsave", "fpu"]})
        self.assertIn(on.name, found)
        self.assertNotIn(off.name, found)
        self.assertEqual([said["feature"] for said in found[on.name]["with"]], ["fpu", "osxsave"])

    def test_unknown_feature(self):
        with self.fails("unknownFeature") as caught:
            self.list(**{"with": ["avx-2"]})
        self.assertEqual(caught.exception.data["suggestion"], "avx2")
        owner = self.owner(agent=False)
        with self.fails("unknownFeature"):
            self.caps(owner, features=["no such thing"])

    def test_one_vm(self):
        owner = self.owner(vcpus=2)
        owner.set_registers(0, cr4=owner.registers(0)["cr4"] | OSXSAVE)
        answer = self.call("vm.caps", {"vm": owner.name, "features": ["osxsave", "fpu", "amx-tile"], "deadlineMs": 20000})
        said = {item["feature"]: item for item in answer["features"]}
        self.assertEqual((said["osxsave"]["vcpus"], said["fpu"]["vcpus"]), (1, 2))
        self.assertEqual({item["source"] for item in said.values()}, {"kernel"})

    def test_control(self):
        owner = self.owner(vcpus=2)
        text = self.ask("caps", owner.name, "--deadline", "20000")
        self.assertRegex(text, "vCPUs? 0.*: as KVM says now")
        self.assertRegex(text, r"osxsave +off +kernel +\d+ ms")
        self.assertRegex(text, r"may use \d+ features")
        self.assertRegex(self.ask("caps", owner.name, "--source", "record"), r"osxsave +off +record .* cr4\n")
        one = json.loads(self.ask("caps", owner.name, "--vcpu", "1", "--json", "--deadline", "20000"))
        self.assertEqual([vcpu["index"] for vcpu in one["vcpus"]], [1])
        self.assertRegex(self.ask("caps", owner.name, "--feature", "fpu"), r"fpu +2 of 2 +static +kernel")
        self.ask("caps", owner.name, "--feature", "fpu", "--feature", "osxsave", status=NO)

    def test_control_of_all(self):
        owner = self.owner()
        self.assertRegex(self.ask("caps", "--with", "fpu"), rf"{owner.name} +fpu +1 of 1 +static +record")
        self.assertEqual(
            set(self.list(**{"with": ["fpu"]})),
            {vm["vm"] for vm in json.loads(self.ask("caps", "--with", "fpu", "--json"))["vms"]},
        )
        self.assertIn("No registered VM", self.ask("caps", "--with", "amx-tile", "--with", "3dnow", status=NO))
        for wrong in ([], [owner.name, "--with", "fpu"], ["--with", "fpu", "--vcpu", "0"]):
            self.ask("caps", *wrong, status=USAGE)


@needs_kvm
class Filters(OperatorCase):
    """vm.list with a question, and what it says of every VM."""

    def newest(self, model):
        return max(
            (each for each in self.call("model.list")["models"] if each["model"] == model),
            key=lambda each: int(each["name"].rsplit("-v", 1)[1]),
        )["name"]

    def test_model_and_version(self):
        old = self.owner(agent=False, model="Nehalem-v1", unavailable="drop")
        new = self.owner(agent=False, model=self.newest("Nehalem"), unavailable="drop")
        host = self.owner(agent=False)
        both = {old.name, new.name}
        self.assertEqual(set(self.list(model="Nehalem")) & (both | {host.name}), both)
        self.assertEqual(set(self.list(model="nehalem-*")) & (both | {host.name}), both)
        self.assertEqual(set(self.list(model="Nehalem-v1")), {old.name})
        self.assertIn(host.name, self.list(model="host"))
        found = self.list(olderVersion=True)
        self.assertEqual(found[old.name]["newestVersion"], self.newest("Nehalem"))
        self.assertFalse({new.name, host.name} & set(found))
        self.assertNotIn("newestVersion", self.list()[new.name])
        with self.fails("unknownModel") as caught:
            self.list(model="Nehalm")
        self.assertIn("Nehalem", caught.exception.data["suggestion"])
        text = " ".join(self.ask("vms", "--older-version").split())
        self.assertIn(f"({self.newest('Nehalem')} is newer)", text)
        self.assertNotIn(new.name, self.ask("vms", "--model", "Nehalem-v1"))

    def test_alias_is_the_version_that_it_names(self):
        owner = self.owner(agent=False, model="Nehalem-v2", unavailable="drop")
        self.assertIn(owner.name, self.list(model="Nehalem-IBRS"))

    def test_verdict(self):
        self.owner(agent=False), self.owner(agent=False, model="Nehalem-v1", unavailable="drop")
        everything = self.list()
        for verdict in ("exact", "runtime", "altered"):
            expected = {name for name, vm in everything.items() if vm["verdict"] == verdict}
            self.assertEqual(set(self.list(verdict=verdict)), expected)
        with self.fails(-32602):
            self.list(verdict="perfect")

    def test_unit(self):
        owner = self.owner(agent=False)
        unit = self.list()[owner.name].get("unit")
        self.assertNotIn(owner.name, self.list(unit="no-such.service"))
        if unit is None:
            self.note("the owner belongs to no unit")
            self.assertNotIn(owner.name, self.list(unit="*"))
            return
        self.assertIn(owner.name, self.list(unit=unit))
        self.assertIn(owner.name, self.list(unit=unit[:3] + "*"))

    def test_vcpus_of_one_cpu_are_consistent_whatever_their_apic_ids(self):
        for model in ("Nehalem-v1", "EPYC-Milan-v2", "host"):
            owner = self.owner(
                vcpus=8, agent=False, model=model, unavailable="drop", topology={"sockets": 2, "cores": 2, "threads": 2}
            )
            self.assertTrue(self.list()[owner.name]["consistent"], model)
            shown = self.show(owner.name)
            self.assertTrue(shown["consistent"])
            self.assertNotIn("inconsistencies", shown)

    def test_vcpus_that_differ(self):
        tables = [vmm.own_table(index) for index in range(3)]
        for index, table in enumerate(tables):
            table[:] = [entry for entry in table if entry.leaf != 0x15]
            table.append(kvm.Entry(0x15, 0, 0, 2, 200, 24_000_000 + (index == 2), 0))
        owner = self.owner(vcpus=3, agent=False, base=[kvm.to_json(table) for table in tables])
        self.assertNotEqual(owner.entry(0x15, 0, 1), owner.entry(0x15, 0, 2), "KVM has not kept the leaf")
        straight = self.owner(vcpus=2, agent=False)
        found = self.list(inconsistent=True)
        self.assertFalse(found[owner.name]["consistent"])
        self.assertNotIn(straight.name, found)
        (odd,) = self.show(owner.name)["inconsistencies"]
        self.assertEqual(odd["vcpus"], [2])
        self.assertEqual(
            odd["places"],
            [{"leaf": "0x00000015", "subleaf": "0x0", "register": "ecx", "first": "0x016e3600", "these": "0x016e3601"}],
        )
        self.assertIn(owner.name, self.ask("vms", "--inconsistent"))
        self.assertIn("vCPU 2: another CPU than the first vCPU", self.ask("vm", owner.name))

    def test_nothing_found(self):
        self.assertEqual(self.list(model="max"), {})
        self.ask("vms", "--model", "max", status=NO)
        self.assertEqual(json.loads(self.ask("vms", "--model", "max", "--json", status=NO)), {"vms": []})


@needs_kvm
class CheckAll(OperatorCase):
    """Which VMs would not survive on another host, all in one go."""

    def lesser_host(self, owner, feature):
        """A host that has what this one's KVM gives the VM, asked or not, but for a feature."""
        document = self.call("host.describe")
        for leaf, subleaf in ((1, 0), (7, 0), (0xD, 0), (0xD, 1), (0xD, 2), (0x80000001, 0)):
            given = owner.entry(leaf, subleaf)
            if given is None:
                continue
            (told,) = [entry for entry in document["supportedCPUID"] if self.is_at(entry, leaf, subleaf)] or [{}]
            if not told:
                told |= {"leaf": hex(leaf), "subleaf": hex(subleaf)} | dict.fromkeys(("eax", "ebx", "ecx", "edx"), "0x0")
                document["supportedCPUID"].append(told)
            if leaf in (7, 0xD):  # registers of numbers are as they are
                told["eax"] = hex(max(int(told["eax"], 16), given.eax))
            for register in ("ebx", "ecx", "edx") if leaf != 1 else ("ecx", "edx"):
                told[register] = hex(int(told[register], 16) | getattr(given, register))
        leaf, subleaf, register, bit = STATIC[feature]
        for table in ("supportedCPUID", "nativeCPUID"):
            for entry in document[table]:
                if self.is_at(entry, leaf, subleaf):
                    entry[register] = hex(int(entry[register], 16) & ~(1 << bit))
        return document

    @staticmethod
    def is_at(entry, leaf, subleaf):
        return (int(entry["leaf"], 16), int(entry.get("subleaf", "0"), 16)) == (leaf, subleaf)

    def owners_apart(self):
        """Two VMs, and a feature that the first has and the second has not."""
        names = [name for name in STATIC if name != "amx-tile"]
        rich = self.owner(vcpus=2, agent=False)
        poor = self.owner(agent=False, model="host," + ",".join("-" + name for name in names))
        for name in names:
            leaf, subleaf, register, bit = STATIC[name]
            if name != "invtsc" and getattr(rich.entry(leaf, subleaf), register) >> bit & 1 and not (
                getattr(poor.entry(leaf, subleaf), register) >> bit & 1
            ):
                return rich, poor, name
        return self.skipTest("this KVM hides no feature of these from a guest")

    def check_all(self, *hosts, **params):
        with self.daemon.connect(query=True) as client:
            return client.call("vm.checkMigration", {"all": True, "hosts": list(hosts), **params})

    def test_each_vm_has_the_answer_that_it_has_alone(self):
        rich, poor, name = self.owners_apart()
        also = self.owner(vcpus=2, agent=False)
        lesser = {"host": self.lesser_host(rich, name), "name": "lesser"}
        answer = self.check_all(lesser)
        vms = {vm["vm"]: vm for vm in answer["vms"]}
        self.assertEqual(set(vms), self.registered())
        for vm in vms.values():
            alone = self.call(
                "vm.checkMigration", {"guest": {"vm": vm["vm"]}, "source": {"host": "this"}, "hosts": [lesser]})
            self.assertEqual(answer["answers"][vm["answer"]], alone, vm)
            self.assertEqual(vm["possible"], alone["possible"])
        self.assertFalse(answer["possible"] or vms[rich.name]["possible"])
        self.assertTrue(vms[poor.name]["possible"], answer["answers"][vms[poor.name]["answer"]])
        self.assertEqual(vms[rich.name]["answer"], vms[also.name]["answer"], "equal CPUs, one answer")
        self.assertIn(name, answer["answers"][vms[rich.name]["answer"]]["smallestChange"]["drop"])

    def test_this_host(self):
        owner = self.owner(agent=False)
        alone = self.call("vm.checkMigration", {"guest": {"vm": owner.name}, "hosts": [{"host": "this"}]})
        (vm,) = [vm for vm in self.check_all({"host": "this"})["vms"] if vm["vm"] == owner.name]
        self.assertEqual(vm["possible"], alone["possible"])
        self.note(f"possible: {vm['possible']}")

    def test_parameters(self):
        for params in ({}, {"all": True, "guest": {"model": "host"}}, {"all": False}):
            with self.fails(-32602):
                self.call("vm.checkMigration", {"hosts": [{"host": "this"}], **params})

    def test_control(self):
        rich, poor, name = self.owners_apart()
        path = self.daemon.directory / "lesser.json"
        path.write_text(json.dumps(self.lesser_host(rich, name)))
        text = self.ask("check", "--all", "--host", str(path), status=NO)
        self.assertRegex(text, rf"(?m)^{rich.name} \(host\): cannot run there")
        self.assertRegex(" ".join(text.split()), rf" {poor.name} \(host,[^)]*\): can run there")
        self.assertIn(f"The guest has {name} ", text)
        self.assertIn("Without 1 feature the guest could run there:", text)
        self.ask("check", "--host", "this", status=USAGE)
        self.ask("check", "host", "--all", "--host", "this", status=USAGE)
