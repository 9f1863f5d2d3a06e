# SPDX-License-Identifier: Apache-2.0
"""vm.verify: drift is found, bit by bit; what a guest does is none; and who cannot be read is not called anything."""

import threading
import time

import cpumodel
from cases import INVALID_PARAMS, needs_kvm
from owners import HALT, SPIN
from test_caps import OSXSAVE, CapsCase

# 0x80000008.EBX[12], IBPB: the leaf is always there, and every KVM takes the bit as it is given.
ADDRESSES, IBPB = 0x80000008, 1 << 12


class VerifyCase(CapsCase):
    def verify(self, owner=None, **params):
        """The verification of one VM."""
        params = {"vm": owner.name, "deadlineMs": 20000, **params}
        with self.daemon.connect(query=True) as client:
            answer = client.call("vm.verify", params)
        (found,) = answer["vms"]
        self.assertEqual(found["vm"], owner.name)
        self.assertEqual(answer[found["outcome"]], 1)
        self.assertEqual(sum(answer[outcome] for outcome in ("asRecorded", "drifted", "unverifiable")), 1)
        return found

    def events(self, kind, name):
        """Lines of the daemon's log of one kind about one VM."""
        lines = self.daemon.log_path.read_text(errors="replace").splitlines()
        return [line for line in lines if line.startswith(f"cpumodeld: {kind}: ") and f"VM={name} " in line]


@needs_kvm
class Drift(VerifyCase):
    def test_what_was_applied_is_as_recorded(self):
        owner = self.owner(vcpus=3)
        found = self.verify(owner)
        self.assertEqual((found["outcome"], found["verified"], found["differenceSets"]), ("asRecorded", 3, []))
        self.assertEqual([vcpu["outcome"] for vcpu in found["vcpus"]], ["asRecorded"] * 3)

    def test_what_a_guest_does_is_no_drift(self):
        owner, seen = self.owner(), set()
        for state in self.states(owner):
            with self.subTest(state=state):
                found = self.verify(owner)
                self.assertEqual((found["outcome"], found["differenceSets"]), ("asRecorded", []))
                seen.add((owner.entry(1).ecx >> 27 & 1, owner.entry(1).edx >> 9 & 1))
        self.assertGreater(len(seen), 1, "nothing has changed")

    def test_bit_that_the_owner_changed_is_found_and_journalled_once(self):
        owner = self.owner(vcpus=2)
        before = owner.entry(ADDRESSES, 0, 1)
        owner.change_entry(ADDRESSES, 0, 1, ebx=IBPB)
        now = owner.entry(ADDRESSES, 0, 1)
        self.assertNotEqual(before.ebx, now.ebx, "the table cannot be changed here")
        for _ in range(3):
            found = self.verify(owner)
            self.assertEqual((found["outcome"], found["verified"]), ("drifted", 2))
            self.assertEqual([vcpu["outcome"] for vcpu in found["vcpus"]], ["asRecorded", "drifted"])
            self.assertEqual([vcpu["differenceSet"] for vcpu in found["vcpus"]], [None, 0])
            ((difference,),) = found["differenceSets"]
            self.assertEqual((int(difference["leaf"], 16), difference["register"]), (ADDRESSES, "ebx"))
            self.assertEqual((int(difference["want"], 16), int(difference["got"], 16)), (before.ebx, now.ebx))
            self.assertEqual(difference["class"], "forcedOn" if now.ebx & IBPB else "forcedOff")
            self.assertEqual([bit["bit"] for bit in difference["bits"]], [12])
        (event,) = self.events("vm-drifted", owner.name)
        self.assertIn("VCPU=1 LEAF=0x80000008", event)
        owner.change_entry(ADDRESSES, 0, 1, ebx=IBPB)
        self.assertEqual(self.verify(owner)["outcome"], "asRecorded")
        self.assertEqual(len(self.events("vm-recovered", owner.name)), 1)

    def test_runtime_bits_that_contradict_the_registers_are_drift_only_if_kvm_has_them_so(self):
        # KVM itself puts OSXSAVE right when a table is set, so nothing that an owner does can make it drift.
        owner = self.owner()
        owner.change_entry(1, ecx=1 << 27)
        self.check_against_kernel(self.caps(owner), owner)
        self.assertEqual(self.verify(owner)["outcome"], "asRecorded")

    def test_leaf_that_is_changed_beside_a_guest_that_toggles(self):
        owner = self.owner()
        base = owner.registers()
        owner.set_registers(cr4=base["cr4"] | OSXSAVE)
        owner.change_entry(0x80000002, eax=1)
        found = self.verify(owner)
        self.assertEqual(found["outcome"], "drifted")
        ((difference,),) = found["differenceSets"]
        self.assertEqual((difference["leaf"], difference["register"]), ("0x80000002", "eax"))


@needs_kvm
class Unverifiable(VerifyCase):
    def test_without_an_agent(self):
        found = self.verify(self.owner(agent=False, vcpus=2))
        self.assertEqual((found["outcome"], found["verified"]), ("unverifiable", 0))
        self.assertIn("no agent", found["reason"])
        self.assertEqual([vcpu["reason"] for vcpu in found["vcpus"]], [found["reason"]] * 2)

    def check_busy(self, code):
        owner = self.owner(vcpus=2)
        owner.start(0, code)
        started = time.monotonic()
        found = self.verify(owner, deadlineMs=300)
        self.note(f"{time.monotonic() - started:.1f} s for 0.3")
        self.assertEqual((found["outcome"], found["verified"]), ("unverifiable", 1))
        self.assertIn("300 ms", found["reason"])
        self.assertEqual([vcpu["outcome"] for vcpu in found["vcpus"]], ["unverifiable", "asRecorded"])

    def test_spinning_guest(self):
        self.check_busy(SPIN)

    def test_halted_guest(self):
        self.check_busy(HALT)

    def test_drift_beside_a_vcpu_that_cannot_be_read(self):
        owner = self.owner(vcpus=2)
        owner.change_entry(ADDRESSES, 0, 1, ebx=IBPB)
        owner.start(0, SPIN)
        found = self.verify(owner, deadlineMs=500)
        self.assertEqual((found["outcome"], found["verified"]), ("drifted", 1))

    def test_owner_that_ends_meanwhile(self):
        owner = self.owner()
        owner.start(0, SPIN)
        with self.daemon.connect(query=True) as client:
            query = client.start("vm.verify", {"vm": owner.name, "deadlineMs": 60000})
            owner.kill()
            # The end of the agent's connection may be seen before the end of the process, or the other way round.
            try:
                (found,) = client.wait(query)["vms"]
                self.assertEqual(found["outcome"], "unverifiable")
            except cpumodel.RPCError as error:
                self.check_error(error, "unknownVM")


@needs_kvm
class Many(VerifyCase):
    def test_all(self):
        drifted, whole, mute = self.owner(vcpus=2), self.owner(), self.owner(agent=False)
        drifted.change_entry(ADDRESSES, ebx=IBPB)
        answer = self.call("vm.verify", {"all": True, "deadlineMs": 20000})
        outcomes = {vm["vm"]: vm["outcome"] for vm in answer["vms"]}
        expected = {drifted.name: "drifted", whole.name: "asRecorded", mute.name: "unverifiable"}
        self.assertEqual({name: outcomes.get(name) for name in expected}, expected)
        self.assertEqual([vm["vm"] for vm in answer["vms"]], sorted(outcomes))
        for outcome in ("asRecorded", "drifted", "unverifiable"):
            self.assertEqual(answer[outcome], list(outcomes.values()).count(outcome))

    def test_more_vcpus_than_are_read_at_a_time(self):
        found = self.verify(self.owner(vcpus=70))
        self.assertEqual((found["outcome"], found["verified"]), ("asRecorded", 70))

    def test_queries_of_one_vcpu_share_its_jobs(self):
        """However many ask at the same time, each gets KVM's own answer, and none is told that others were first."""
        owner, sources = self.owner(), []

        def ask():
            with self.daemon.connect(query=True) as client:
                for _ in range(10):
                    answer = client.call("vm.caps", {"vm": owner.name, "source": "kernel", "deadlineMs": 20000})
                    sources.append(answer["vcpus"][0]["source"])

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sources, ["kernel"] * 80)

    def test_parameters(self):
        for params in ({}, {"vm": "x", "all": True}, {"all": 1}, {"all": True, "deadlineMs": 60001}):
            with self.subTest(params=params), self.fails(INVALID_PARAMS):
                self.call("vm.verify", params)
        with self.fails("unknownVM"):
            self.call("vm.verify", {"vm": "nobody"})
