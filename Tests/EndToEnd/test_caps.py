# SPDX-License-Identifier: Apache-2.0
"""vm.caps on VMs of other processes, held against what the kernel tells those processes at the same time."""

import json
import mmap
import select
import struct
import subprocess
import time

import kvm
from cases import needs_kvm
from harness import binary
from owners import EXITS, HALT, SPIN, VALID_REGS_AT
from test_registry import RegistryCase

OSXSAVE, PKE, APIC_ENABLE = 1 << 18, 1 << 22, 1 << 11
SYNC_SREGS = 2


class CapsCase(RegistryCase):
    def caps(self, owner, vcpu=0, **params):
        with self.daemon.connect(query=True) as client:
            answer = client.call("vm.caps", {"vm": owner.name, "vcpus": [vcpu], **params})
        found = answer["vcpus"][0]
        found["features"] = answer["featureSets"][found["featureSet"]]
        found["consistent"] = answer["consistent"]
        return found

    def check_against_kernel(self, caps, owner, vcpu=0):
        """Every value of the answer that claims to hold now is what the kernel has in the vCPU's table now."""
        leaf1, leaf7 = owner.entry(1, 0, vcpu), owner.entry(7, 0, vcpu)
        sizes = owner.entry(0xD, 0, vcpu), owner.entry(0xD, 1, vcpu)
        truth = {"osxsave": leaf1.ecx >> 27 & 1, "apic": leaf1.edx >> 9 & 1, "mwait": leaf1.ecx >> 3 & 1}
        if leaf7:
            truth["ospke"] = leaf7.ecx >> 4 & 1
        if sizes[0]:
            truth["xsaveSize"] = sizes[0].ebx
        if sizes[1] and sizes[1].eax & 0b1010:
            truth["compactedSize"] = sizes[1].ebx
        checked = []
        for name, value in truth.items():
            said = caps["runtime"][name]
            if not said.get("missing"):
                self.assertEqual(said["value"], value, f"{name} from {said['source']}")
                checked.append(name)
        self.note(f"{caps['source']}: {' '.join(checked)}")
        return checked

    def states(self, owner, vcpu=0):
        """States to put the vCPU into, as far as its KVM takes them."""
        base = owner.registers(vcpu)
        wanted = [
            {}, {"cr4": base["cr4"] | OSXSAVE}, {"cr4": base["cr4"] | OSXSAVE, "xcr0": 7},
            {"cr4": base["cr4"] | OSXSAVE | PKE}, {"apic_base": base["apic_base"] & ~APIC_ENABLE},
            {"cr4": base["cr4"], "apic_base": base["apic_base"], **({"xcr0": 1} if "xcr0" in base else {})},
        ]  # fmt: skip
        for state in wanted:
            try:
                owner.set_registers(vcpu, **state)
            except AssertionError as error:
                self.note(f"not possible here: {state} ({error})")
                continue
            yield state


@needs_kvm
class Kernel(CapsCase):
    def test_every_state_is_as_the_kernel_has_it(self):
        owner, seen = self.owner(vcpus=2), set()
        for state in self.states(owner, 1):
            with self.subTest(state=state):
                caps, registers = self.caps(owner, 1), owner.registers(1)
                self.assertEqual(caps["source"], "kernel")
                self.assertIn("osxsave", self.check_against_kernel(caps, owner, 1))
                self.assertEqual("xsaveSize" in caps["runtime"], owner.entry(0xD, 0, 1) is not None)
                self.assertEqual("xcr0" in caps["registers"], "xcr0" in registers)
                for own, name in {"cr4": "cr4", "apic_base": "apicBase", "xcr0": "xcr0"}.items():
                    if own not in registers:
                        continue
                    said = caps["registers"][name]
                    self.assertEqual((int(said["value"], 16), said["source"]), (registers[own], "kernel"), name)
                    self.assertLess(said["ageMs"], 5000)
                for name in {"osxsave", "ospke", "apic"} & set(caps["runtime"]):
                    self.assertEqual(caps["runtime"][name]["value"], name in caps["features"], name)
                seen.add((caps["runtime"]["osxsave"]["value"], caps["runtime"]["apic"]["value"]))
        self.assertGreater(len(seen), 1, "nothing has changed")

    def test_all_vcpus_are_told_of_and_agree(self):
        owner = self.owner(vcpus=4)
        with self.daemon.connect(query=True) as client:
            answer = client.call("vm.caps", {"vm": owner.name})
        self.assertEqual([vcpu["index"] for vcpu in answer["vcpus"]], [0, 1, 2, 3])
        self.assertTrue(answer["consistent"])
        self.assertEqual(len(answer["featureSets"]), 1)

    def test_vcpu_that_is_not_there(self):
        owner = self.owner()
        with self.fails("badTopology"):
            self.caps(owner, 7)
        with self.fails("unknownVM"):
            self.call("vm.caps", {"vm": "nobody"})


def launch(case, *options):
    """A launcher that has a model applied and stays; its VM's name, and the process."""
    name = case.name()
    arguments = [binary("cpumodel-launch"), "--socket", case.daemon.socket_path, "--name", name]
    arguments += ["--altered", "accept", "--json", "--hold", "50", *options]
    launcher = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    case.addCleanup(launcher.wait)
    case.addCleanup(launcher.kill)
    case.addCleanup(launcher.stdout.close)
    case.addCleanup(launcher.stdin.close)
    case.assertTrue(launcher.stdout.readline(), "the launcher has ended")
    return name, launcher


@needs_kvm
class TogglingGuest(CapsCase):
    """A guest changes, by its own instructions, what its CPUID follows; the answers are what it reads itself."""

    STEPS = ("look", "osxsave on", "xcr0 model", "pke on", "apic off", "apic on", "pke off", "xcr0 1", "osxsave off")

    def step(self, launcher, command):
        launcher.stdin.write(command + "\n")
        launcher.stdin.flush()
        return json.loads(launcher.stdout.readline())

    @staticmethod
    def seen_by_guest(step):
        """What the guest's own CPUID told it."""
        leaves = {(int(one["leaf"], 16), int(one["subleaf"], 16)): one for one in step["cpuid"]}

        def register(leaf, subleaf, name):
            return int(leaves[leaf, subleaf]["guest"][name], 16)

        seen = {"osxsave": register(1, 0, "ecx") >> 27 & 1, "apic": register(1, 0, "edx") >> 9 & 1}
        seen |= {"mwait": register(1, 0, "ecx") >> 3 & 1}
        if leaves[7, 0]["present"]:
            seen["ospke"] = register(7, 0, "ecx") >> 4 & 1
        for name, subleaf in (("xsaveSize", 0), ("compactedSize", 1)):
            if leaves[0xD, subleaf]["present"]:
                seen[name] = register(0xD, subleaf, "ebx")
        return seen

    def check(self, caps, step, source):
        self.assertEqual(caps["source"], source, caps["unavailable"])
        seen = self.seen_by_guest(step)
        checked = []
        for name, value in caps["runtime"].items():
            if name in seen and not value.get("missing"):
                self.assertEqual(value["value"], seen[name], f"{name} after {step['step']}, from {value['source']}")
                checked.append(name)
        return checked

    def steps(self, launcher):
        done = 0
        for command in self.STEPS:
            step = self.step(launcher, command)
            if step["failure"]:
                self.note(f"{command}: {step['failure']}")
                continue
            done += 1
            yield step
        self.assertGreater(done, 2, "the guest could toggle next to nothing")

    def test_kernel(self):
        name, launcher = launch(self, "--agent", "--guest", "ask")
        values = set()
        for step in self.steps(launcher):
            caps = self.call("vm.caps", {"vm": name, "deadlineMs": 20000})["vcpus"][0]
            checked = self.check(caps, step, "kernel")
            self.assertLessEqual({"osxsave", "apic", "mwait"}, set(checked))
            self.assertEqual(set(checked) & {"xsaveSize", "ospke"}, set(self.seen_by_guest(step)) & {"xsaveSize", "ospke"})
            self.assertEqual(int(caps["registers"]["cr4"]["value"], 16), int(step["cr4"], 16))
            values.add((caps["runtime"]["osxsave"]["value"], caps["runtime"]["apic"]["value"]))
        self.assertGreater(len(values), 1)

    def test_run_page(self):
        name, launcher = launch(self, "--guest", "ask")
        for step in self.steps(launcher):
            with self.daemon.connect(query=True) as client:
                query = client.start("vm.caps", {"vm": name, "source": "run-page", "deadlineMs": 20000})
                # The page tells what was when the vCPU returned last; so it must run once more in this state.
                while not select.select([client.socket], [], [], 0.01)[0]:
                    step = self.step(launcher, "look")
                caps = client.wait(query)["vcpus"][0]
            checked = self.check(caps, step, "run-page")
            self.assertLessEqual({"osxsave", "apic"}, set(checked))
            self.assertNotIn("xsaveSize", checked, "the page does not tell XCR0")
            self.assertEqual(int(caps["registers"]["cr4"]["value"], 16), int(step["cr4"], 16))

    def test_record(self):
        name, launcher = launch(self, "--guest", "ask")
        first = None
        for step in self.steps(launcher):
            caps = self.call("vm.caps", {"vm": name, "source": "record"})["vcpus"][0]
            checked = self.check(caps, step, "record")
            self.assertFalse({"osxsave", "apic", "ospke", "xsaveSize"} & set(checked), "claimed of a guest that toggles")
            first = first or caps["runtime"]["osxsave"]["value"]
            self.assertEqual(caps["runtime"]["osxsave"]["value"], first)


@needs_kvm
class Library(CapsCase):
    """The agent of the C library, in cpumodel-launch."""

    def launch(self, *options):
        return launch(self, "--agent", *options)[0]

    def test_agent_reads_all_vcpus(self):
        name = self.launch("--vcpus", "8", "--no-run")
        self.assertTrue(self.show(name)["agent"])
        answer = self.call("vm.caps", {"vm": name, "deadlineMs": 20000})
        self.assertEqual([vcpu["source"] for vcpu in answer["vcpus"]], ["kernel"] * 8)
        self.assertEqual([vcpu["unavailable"] for vcpu in answer["vcpus"]], [[]] * 8)

    def test_agent_reads_after_the_guest_ran(self):
        answer = self.call("vm.caps", {"vm": self.launch(), "deadlineMs": 20000})
        self.assertEqual(answer["vcpus"][0]["source"], "kernel")

    def test_agent_is_there_many_times(self):
        name = self.launch("--no-run")
        for _ in range(50):
            answer = self.call("vm.caps", {"vm": name, "source": "kernel", "deadlineMs": 20000})
            self.assertEqual(answer["vcpus"][0]["source"], "kernel")


@needs_kvm
class RunPage(CapsCase):
    def test_registers_come_from_the_page_of_a_vcpu_that_exits(self):
        owner = self.owner(agent=False)
        has_xsave = owner.entry(0xD) is not None
        cr4 = owner.registers()["cr4"] | (OSXSAVE if has_xsave else 0)
        owner.set_registers(cr4=cr4)
        owner.start(0, EXITS)
        self.eventually(lambda: owner.exits() > 10, "the guest does not exit")
        caps = self.caps(owner, deadlineMs=20000)
        self.assertEqual(caps["source"], "run-page")
        for name, value in (("osxsave", has_xsave), ("apic", True)):
            said = caps["runtime"][name]
            self.assertEqual((said["value"], said["source"]), (value, "run-page"), name)
            self.assertLess(said["ageMs"], 20000)
        self.assertEqual(int(caps["registers"]["cr4"]["value"], 16), cr4)
        self.assertEqual(caps["unavailable"][0]["source"], "kernel")

    def test_every_state_of_a_vcpu_that_exits_is_as_the_kernel_has_it(self):
        owner, seen = self.owner(agent=False), set()
        owner.start(0, EXITS)
        for state in self.states(owner):
            with self.subTest(state=state):
                caps, registers = self.caps(owner, deadlineMs=20000), owner.registers()
                self.assertEqual(caps["source"], "run-page", caps["unavailable"])
                self.assertLessEqual({"osxsave", "apic"}, set(self.check_against_kernel(caps, owner)))
                for name, own in (("cr4", "cr4"), ("apicBase", "apic_base")):
                    said = caps["registers"][name]
                    self.assertEqual((int(said["value"], 16), said["source"]), (registers[own], "run-page"), name)
                for name in ("osxsave", "ospke", "apic"):
                    self.assertEqual(caps["runtime"][name]["value"], name in caps["features"], name)
                seen.add((caps["runtime"]["osxsave"]["value"], caps["runtime"]["apic"]["value"]))
        self.assertGreater(len(seen), 1, "nothing has changed")

    def test_what_the_page_does_not_tell_is_named(self):
        owner = self.owner(agent=False)
        if owner.entry(0xD) is None:
            self.skipTest("the host has no XSAVE")
        owner.start(0, EXITS)
        caps = self.caps(owner, deadlineMs=20000)
        size = caps["runtime"]["xsaveSize"]
        self.assertEqual((size["source"], size["missing"]), ("record", ["xcr0"]))

    def test_page_is_put_back(self):
        owner = self.owner(agent=False)
        before = owner.page()
        owner.start(0, EXITS)
        self.assertEqual(self.caps(owner, deadlineMs=20000)["source"], "run-page")
        valid, dirty, _ = owner.page()
        self.assertEqual((valid, dirty), before[:2])

    def test_bit_that_the_vmm_set_stays(self):
        vm, client, name = self.make_vm(), self.connect(), self.name()
        client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
        self.addCleanup(self.forget, name)
        with mmap.mmap(vm.vcpus[0], 4096) as page:
            struct.pack_into("<Q", page, VALID_REGS_AT, SYNC_SREGS)
            vm.run(0)
            caps = self.call("vm.caps", {"vm": name, "source": "run-page"})["vcpus"][0]
            self.assertEqual(struct.unpack_from("<QQ", page, VALID_REGS_AT), (SYNC_SREGS, 0))
        self.assertEqual(caps["source"], "run-page")
        said = caps["runtime"]["osxsave"]
        # When the vCPU returned last cannot be told then, and is not.
        self.assertEqual((said["value"], said["source"], said["ageMs"]), (False, "run-page", None))


@needs_kvm
class Deadlines(CapsCase):
    """A vCPU that does not return to its VMM: the answer comes in time all the same, and says what it is worth."""

    def check(self, code, agent):
        owner = self.owner(vcpus=2, agent=agent)
        owner.start(0, code)
        started = time.monotonic()
        caps = self.caps(owner, 0, deadlineMs=300)
        took = time.monotonic() - started
        self.assertEqual(caps["source"], "record")
        self.assertLess(took, 10)
        reasons = {item["source"]: item["reason"] for item in caps["unavailable"]}
        self.assertEqual(set(reasons), {"kernel", "run-page"})
        self.assertIn("300 ms" if agent else "no agent", reasons["kernel"])
        self.assertIn("did not return", reasons["run-page"])
        self.assertEqual(caps["runtime"]["osxsave"]["missing"], ["cr4"])
        self.assertEqual(owner.page(0)[0], 0, "the request was left in the run page")
        if agent:
            # The other vCPU is read as before, and the first has its job still to answer.
            self.assertEqual(self.caps(owner, 1)["source"], "kernel")
            again = self.caps(owner, 0, deadlineMs=100)
            self.assertIn("since it was last asked", again["unavailable"][0]["reason"])
        self.note(f"{took:.1f} s for 0.3")

    def test_spinning_guest(self):
        self.check(SPIN, agent=False)

    def test_spinning_guest_with_an_agent(self):
        self.check(SPIN, agent=True)

    def test_halted_guest(self):
        self.check(HALT, agent=False)

    def test_halted_guest_with_an_agent(self):
        self.check(HALT, agent=True)

    def test_query_does_not_stop_a_guest(self):
        owner = self.owner(agent=False)
        owner.start(0, EXITS)
        self.eventually(lambda: owner.exits() > 10, "the guest does not exit")
        for _ in range(20):
            self.caps(owner, deadlineMs=20000)
        count = owner.exits()
        self.eventually(lambda: owner.exits() > count, "the guest does not run any more")


@needs_kvm
class Record(CapsCase):
    def test_record_is_what_was_read_back(self):
        owner = self.owner(agent=False)
        caps = self.caps(owner, source="record")
        self.assertEqual((caps["source"], caps["unavailable"]), ("record", []))
        claimed = self.check_against_kernel(caps, owner)
        self.assertLessEqual(set(claimed), {"mwait"}, "claimed of a vCPU at which nobody has looked")
        if "mwait" not in claimed:  # this KVM may have been told to have it follow an MSR
            self.assertEqual(set(caps["runtime"]["mwait"]["missing"]), {"quirks", "miscEnable"})
        self.assertTrue({value["source"] for value in caps["runtime"].values()} == {"record"})

    def test_features_are_those_of_the_table_that_kvm_honours(self):
        owner = self.owner(agent=False)
        caps = self.caps(owner, source="record")
        supported = {entry.leaf: entry for entry in kvm.supported_cpuid()}
        leaf1 = owner.entry(1)
        for name, bit in (("sse3", 0), ("avx", 28), ("aes", 25)):
            names = {"sse3": {"pni", "sse3"}}.get(name, {name})
            expected = bool(leaf1.ecx & supported[1].ecx & 1 << bit)
            self.assertEqual(bool(names & set(caps["features"])), expected, name)
