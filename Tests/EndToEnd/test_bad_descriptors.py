# SPDX-License-Identifier: Apache-2.0
"""Descriptors that are no vCPUs, or not the right ones, or not the right number."""

import array
import errno
import os
import socket

import cpumodel
import kvm
from cases import INVALID_PARAMS, INVALID_REQUEST, UNKNOWN_METHOD, BadInputCase, needs_kvm
from harness import Child


@needs_kvm
class BadDescriptors(BadInputCase):
    """Descriptors that are no vCPUs, or not the right ones, or not the right number."""

    def check_refused(self, fds, index, *kinds):
        client = self.connect()
        with self.fails(*(kinds or ("badDescriptor",))) as caught:
            self.try_apply(fds, client)
        if caught.exception.kind == "badDescriptor":
            self.assertEqual(caught.exception.data["index"], index)
            self.assertTrue(caught.exception.data["found"])
        self.assertEqual(client.jobs, 0)
        self.check_alive(client)

    def test_file(self):
        self.check_refused([self.open(__file__)], 0)

    def test_pipe(self):
        ends = os.pipe()
        for fd in ends:
            self.addCleanup(os.close, fd)
        self.check_refused(ends[:1], 0)

    def test_kvm_device(self):
        self.check_refused([self.open("/dev/kvm", os.O_RDWR)], 0)

    def test_vm_descriptor(self):
        self.check_refused([self.make_vm().fd], 0)

    def test_file_behind_good_vcpus(self):
        vm = self.make_vm(3)
        self.check_refused([*vm.vcpus, self.open("/dev/null")], 3)
        self.assertEqual(vm.tables(), [[]] * 3)

    def test_same_vcpu_twice(self):
        vm = self.make_vm(2)
        self.check_refused([vm.vcpus[0], vm.vcpus[0]], 1, "badDescriptor", "badTopology")

    def test_duplicate_of_a_vcpu(self):
        vm = self.make_vm(1)
        copy = os.dup(vm.vcpus[0])
        self.addCleanup(os.close, copy)
        self.check_refused([vm.vcpus[0], copy], 1, "badDescriptor", "badTopology")

    def test_vcpus_in_the_wrong_order(self):
        vm = self.make_vm(2)
        with self.fails("badTopology") as caught:
            self.try_apply(vm.vcpus[::-1])
        self.assertEqual(caught.exception.data["foundVCPUIds"], [1, 0])

    def test_no_vcpu(self):
        with self.fails(INVALID_PARAMS, "badDescriptor", "descriptorCount"):
            self.call("vm.apply", {"name": "bad", "model": "host", "fds": 0})

    def test_vcpu_of_another_process(self):
        def work(pipe):
            vm = kvm.VM()
            socket.send_fds(pipe, [b"v"], vm.vcpus)
            pipe.recv(1)

        with Child(work) as child:
            _, fds, _, _ = socket.recv_fds(child.pipe, 1, 1)
            try:
                with self.assertRaises(OSError) as caught:
                    kvm.get_cpuid2(fds[0])
                self.assertEqual(caught.exception.errno, errno.EIO)
                with self.fails("refused", "badDescriptor") as caught:
                    self.try_apply(fds)
                self.assertRegex(f"{caught.exception.message} {caught.exception.data}", "EIO|process")
            finally:
                cpumodel.close_all(fds)

    def test_fewer_than_declared(self):
        vm, client = self.make_vm(2), self.connect()
        params = {"name": "bad", "model": "host", "fds": 2}
        client.send({"jsonrpc": "2.0", "id": 7, "method": "vm.apply", "params": params}, vm.vcpus[:1])
        request_id, error = self.check_answer(client, "descriptorCount")
        self.assertEqual((request_id, error.data["declared"], error.data["received"]), (7, 2, 1))
        self.check_closed(client)
        self.assertEqual(vm.tables(), [[]] * 2)

    def test_more_than_declared(self):
        client, fds = self.connect(), [self.open("/dev/null"), self.open("/dev/zero")]
        params = {"name": "bad", "model": "host", "fds": 1}
        client.send({"jsonrpc": "2.0", "id": 7, "method": "vm.apply", "params": params}, fds)
        # The fault ends the connection, so the request itself may or may not have been answered before.
        request_id, error = self.check_answer(client, "descriptorCount", "badDescriptor")
        if request_id == 7:
            self.assertEqual(error.kind, "badDescriptor")
            request_id, error = self.check_answer(client, "descriptorCount")
        self.assertIsNone(request_id)
        self.check_closed(client)

    def test_none_declared(self):
        client = self.connect()
        client.send({"jsonrpc": "2.0", "id": 7, "method": "daemon.status"}, [self.open("/dev/null")])
        message, _ = client.receive()
        self.assertEqual(message["id"], 7)
        self.check_answer(client, "descriptorCount")
        self.check_closed(client)

    def test_method_that_takes_none(self):
        client = self.connect()
        with self.fails(INVALID_PARAMS):
            client.call("daemon.status", fds=[self.open("/dev/null")])
        self.check_alive(client)

    def test_unknown_method(self):
        client = self.connect()
        with self.fails(UNKNOWN_METHOD):
            client.call("vm.aply", fds=[self.open("/dev/null")])
        self.check_alive(client)

    def test_254_in_one_message_do_not_leave_the_sender(self):
        client = self.connect()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [self.open("/dev/null")] * 254))
        with self.assertRaises(OSError) as caught:
            client.socket.sendmsg([b"x"], [rights])
        self.assertEqual(caught.exception.errno, errno.EINVAL)

    def test_1000_in_four_messages(self):
        self.check_refused([self.open("/dev/null")] * 1000, 0, "badDescriptor", "limitExceeded")

    def test_truncated_line_with_descriptors(self):
        vm, client = self.make_vm(2), self.connect()
        client.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"vm.apply","params":{"fds":2,"na', vm.vcpus)
        client.close()

    def test_connection_of_descriptors_only(self):
        client = self.connect()
        client.send_bytes(b" ", [self.open("/dev/null")] * 200)
        client.close()

    def test_notification_with_descriptors(self):
        client = self.connect()
        client.send({"jsonrpc": "2.0", "method": "daemon.status", "params": {"fds": 1}}, [self.open("/dev/null")])
        self.check_alive(client)

    def test_batch_with_descriptors(self):
        client, vm = self.connect(), self.make_vm()
        params = {"name": "bad", "model": "host", "fds": 1}
        client.send([{"jsonrpc": "2.0", "id": 1, "method": "vm.apply", "params": params}], vm.vcpus)
        self.assertIsNone(self.check_answer(client, INVALID_REQUEST)[0])
        self.assertEqual(vm.tables(), [[]])
