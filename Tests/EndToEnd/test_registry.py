# SPDX-License-Identifier: Apache-2.0
"""What the registry holds of a VM, and that it lets go of it in the moment the VM's owner ends."""

import os
import tempfile
import unittest
import uuid

import cpumodel
import kvm
from cases import DaemonCase, needs_kvm
from harness import Child
from owners import SPIN, Owner


class RegistryCase(DaemonCase):
    def owner(self, name=None, **options):
        owner = Owner(self.daemon, name or self.name(), **options)
        self.addCleanup(owner.kill)
        self.addCleanup(owner.pipe.close)
        return owner

    def show(self, name):
        return self.call("vm.show", {"vm": name})

    def vcpu_descriptors(self):
        return [link for link in self.daemon.descriptors() if link.startswith("anon_inode:kvm-")]

    def gone(self, name):
        self.eventually(lambda: name not in self.registered(), f"{name} is still registered")


@needs_kvm
class Registry(RegistryCase):
    def test_owner_is_described(self):
        owner = self.owner(agent=False)
        vm = self.show(owner.name)
        self.assertEqual((vm["pid"], vm["uid"], vm["gid"]), (owner.pid, os.getuid(), os.getgid()))
        with open(f"/proc/{owner.pid}/comm", encoding="utf-8") as file:
            self.assertEqual(vm["command"], file.read().strip())
        self.assertEqual(vm["program"], os.readlink(f"/proc/{owner.pid}/exe"))
        with open(f"/proc/{owner.pid}/cgroup", encoding="utf-8") as file:
            self.assertIn(vm["controlGroup"], file.read())

    def test_descriptors_are_held_and_closed_with_the_owner(self):
        before = self.vcpu_descriptors()
        owner = self.owner(vcpus=3, agent=False)
        self.assertEqual(len(self.vcpu_descriptors()), len(before) + 3)
        self.assertTrue(self.show(owner.name)["vcpusHeld"])
        owner.kill()
        self.gone(owner.name)
        self.check_descriptors_are_as_before()

    def test_dead_vm_is_not_pinned_by_a_query(self):
        owner = self.owner(agent=True)
        owner.start(0, SPIN)
        with self.daemon.connect(query=True) as client:
            client.start("vm.caps", {"vm": owner.name, "deadlineMs": 20000})
            self.eventually(lambda: owner.page()[0] & 2, "the registers were not asked for")
            owner.kill()
            self.gone(owner.name)
            self.eventually(lambda: not self.vcpu_descriptors(), "a vCPU is still held")
            maps = open(f"/proc/{self.daemon.process.pid}/maps", encoding="utf-8").read()
            self.assertNotIn("kvm-vcpu", maps)

    def test_forgotten_vm_is_let_go_of(self):
        owner = self.owner(agent=False)
        self.call("vm.forget", {"vm": owner.name})
        self.eventually(lambda: not self.vcpu_descriptors(), "a vCPU is still held")

    def test_only_the_vm_that_is_meant_is_forgotten(self):
        vm = self.make_vm(1)
        first = self.apply(vm, name="same")
        second = self.apply(vm, name="same", replace=True)
        with self.fails("nameInUse"):
            self.call("vm.forget", {"vm": "same", "requestId": first["requestId"]})
        self.assertIn("same", self.registered())
        self.call("vm.forget", {"vm": "same", "requestId": second["requestId"]})
        self.assertNotIn("same", self.registered())

    def test_uuid_is_kept_and_unique(self):
        one = str(uuid.uuid4())
        first = self.owner(agent=False, uuid=one.upper())
        self.assertEqual(self.show(first.name)["uuid"], one)
        vm = self.make_vm()
        with self.fails("nameInUse"):
            self.connect().call("vm.apply", {"name": self.name(), "uuid": one, "model": "host"}, vm.vcpus)
        with self.fails(-32602):
            self.connect().call("vm.apply", {"name": self.name(), "uuid": one[:-1], "model": "host"}, vm.vcpus)

    def test_name_of_another_process_is_refused_and_replaced_on_request(self):
        owner = self.owner(agent=False)
        vm = self.make_vm()
        params = {"name": owner.name, "model": "host", "altered": "accept"}
        with self.fails("nameInUse"):
            self.connect().call("vm.apply", params, vm.vcpus)
        self.assertEqual(self.show(owner.name)["pid"], owner.pid)
        self.connect().call("vm.apply", {**params, "replace": True}, vm.vcpus)
        self.addCleanup(self.forget, owner.name)
        self.assertEqual(self.show(owner.name)["pid"], os.getpid())
        self.eventually(lambda: len(self.vcpu_descriptors()) == 1, "the replaced VM's vCPU is still held")
        owner.kill()  # its name is another's now
        self.assertIn(owner.name, self.registered())


@needs_kvm
class Attaching(RegistryCase):
    def test_agent_is_told_of(self):
        owner = self.owner(agent=True)
        self.assertTrue(self.show(owner.name)["agent"])
        other = self.owner(agent=False)
        self.assertFalse(self.show(other.name)["agent"])

    def test_another_process_cannot_attach(self):
        owner = self.owner(agent=False)
        params = {"vm": owner.name, "requestId": owner.result["requestId"]}
        with self.fails("notPermitted"):
            self.connect().call("vm.attach", params)
        self.assertFalse(self.show(owner.name)["agent"])

    def test_only_the_vms_own_vcpus_are_taken(self):
        vm, other = self.make_vm(2), self.make_vm(3)
        client, name = self.connect(), self.name()
        result = client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
        self.addCleanup(self.forget, name)
        params = {"vm": name, "requestId": result["requestId"]}
        with self.fails("badTopology"):
            client.call("vm.attach", params, other.vcpus)
        with self.fails("badDescriptor"):
            client.call("vm.attach", params, [vm.fd, *vm.vcpus[1:]])
        with self.fails("unknownVM"):
            client.call("vm.attach", {**params, "vm": name + "x"})
        with self.fails("nameInUse"):
            client.call("vm.attach", {**params, "requestId": "other"})
        self.assertFalse(self.show(name)["agent"])
        self.assertTrue(client.call("vm.attach", params, vm.vcpus)["vcpusHeld"])
        self.assertTrue(self.show(name)["agent"])
        client.close()
        self.eventually(lambda: not self.show(name)["agent"], "the agent is still there")

    def test_the_query_socket_attaches_nobody(self):
        with self.daemon.connect(query=True) as client, self.fails("notPermitted", -32040):
            client.call("vm.attach", {"vm": "x", "requestId": "y"})


@needs_kvm
class UserOfAnotherId(RegistryCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
            file.write("[Access]\nApply=*\n")
        cls.addClassCleanup(os.unlink, file.name)
        cls.options = ("--config", file.name)
        super().setUpClass()

    @unittest.skipIf(os.getuid() != 0, "needs root, to be another user")
    def test_another_user_cannot_replace(self):
        owner = self.owner(agent=False)
        self.daemon.open_to_all()

        def try_replace(pipe):
            vm = kvm.VM()
            os.setgid(65534)
            os.setuid(65534)
            params = {"name": owner.name, "model": "host", "altered": "accept", "replace": True}
            with cpumodel.Connection(self.daemon.socket_path) as client:
                try:
                    client.call("vm.apply", params, vm.vcpus)
                except cpumodel.RPCError as error:
                    pipe.send(error.kind.encode())

        with Child(try_replace) as child:
            child.expect("nameInUse")
        self.assertEqual(self.show(owner.name)["pid"], owner.pid)
