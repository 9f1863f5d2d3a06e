# SPDX-License-Identifier: Apache-2.0
"""What can be asked without a VM, on either socket, and what the query socket refuses."""

import os
import socket
import subprocess
import unittest

import cpumodel
import kvm
import schema
from cases import DaemonCase, needs_kvm

METHODS = {
    "rpc.discover", "daemon.status", "host.describe", "model.list", "model.show", "model.expand", "table.compute",
    "vm.apply", "vm.list", "vm.show", "vm.forget",
}  # fmt: skip


class Documents(DaemonCase):
    """The OpenRPC document, and every answer held against it."""

    def document(self):
        return self.call("rpc.discover")

    def answer(self, method, params=None):
        """The result of the method, which must fit the schema that the daemon publishes for it."""
        document = self.document()
        result = self.call(method, params)
        published = next(entry for entry in document["methods"] if entry["name"] == method)
        self.assertEqual(schema.mismatches(result, published["result"]["schema"], document), [])
        return result

    def test_discover_names_every_method_of_the_protocol(self):
        document = self.document()
        self.assertRegex(document["openrpc"], r"^1\.\d+\.\d+$")
        self.assertTrue(document["info"]["title"] and document["info"]["version"])
        self.assertLessEqual(METHODS, {method["name"] for method in document["methods"]})

    def test_discover_describes_every_parameter_and_result(self):
        document = self.document()
        for method in document["methods"]:
            self.assertIn("schema", method["result"], method["name"])
            for parameter in method["params"]:
                described = parameter.get("description") or parameter["schema"].get("description")
                self.assertTrue(parameter["name"] and described, f"{method['name']}: {parameter}")

    def test_discover_has_no_loose_reference(self):
        document = self.document()

        def walk(node):
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    schema.resolve(node["$ref"], document)
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)

        walk(document)

    def test_apply_has_the_parameters_of_the_protocol(self):
        document = self.document()
        published = next(entry for entry in document["methods"] if entry["name"] == "vm.apply")
        names = {parameter["name"]: parameter.get("required", False) for parameter in published["params"]}
        optional = (
            "uuid", "topology", "apicIds", "unavailable", "altered", "physicalAddressBits", "replace", "join", "base", "keep",
            "physicalAddressLimit", "caches", "pmu", "tscKHz", "level", "extendedLevel", "extendedTopology", "kvm", "hyperV",
            "enclavePageCache", "executor", "filtersReturn",
        )  # fmt: skip
        self.assertEqual(names, dict.fromkeys(("fds", "name", "model"), True) | dict.fromkeys(optional, False))

    def test_status(self):
        self.answer("daemon.status")

    @needs_kvm
    def test_host_is_described(self):
        self.answer("host.describe")

    @unittest.skipUnless(kvm.why_unusable(), "/dev/kvm can be used here")
    def test_host_without_kvm_is_told(self):
        with self.fails("hostUnavailable") as caught:
            self.call("host.describe")
        self.assertTrue(caught.exception.data["errno"] and caught.exception.data["errnoName"])

    def test_models_are_listed(self):
        text = str(self.answer("model.list"))
        for name in ("Skylake-Server", "EPYC-Milan"):
            self.assertIn(name, text)

    @needs_kvm
    def test_usable_models_are_some_of_all(self):
        every, usable = str(self.answer("model.list")), str(self.answer("model.list", {"usable": True}))
        self.assertLessEqual(len(usable), len(every))

    def test_model_is_shown(self):
        self.assertIn("EPYC-Milan", str(self.answer("model.show", {"model": "EPYC-Milan-v2"})))

    @needs_kvm
    def test_expression_is_expanded(self):
        with_svm = self.answer("model.expand", {"model": "EPYC-Milan-v2"})
        without = self.answer("model.expand", {"model": "EPYC-Milan-v2,-svm"})
        self.assertNotEqual(with_svm, without)

    @needs_kvm
    def test_table_is_computed_for_each_vcpu(self):
        params = {"model": "host", "topology": {"sockets": 2, "cores": 2, "threads": 2}}
        result = self.answer("table.compute", params)
        self.assertEqual(len(result["vcpus"]), 8)

    @needs_kvm
    def test_described_host_stands_for_this_host(self):
        host = self.call("host.describe")
        for method in ("model.expand", "table.compute"):
            params = {"model": "host"}
            self.assertEqual(self.call(method, params), self.call(method, params | {"host": host}), method)

    @needs_kvm
    def test_same_question_has_the_same_answer(self):
        params = {"model": "EPYC-Milan", "unavailable": "drop"}
        self.assertEqual(self.call("table.compute", params), self.call("table.compute", params))

    def test_vm_list_is_empty_at_first(self):
        self.answer("vm.list")
        self.assertEqual(self.vm_list(), [])


class QuerySocket(DaemonCase):
    """Answers what changes nothing, takes no descriptors."""

    def test_answers_what_changes_nothing(self):
        with self.daemon.connect(query=True) as connection:
            for method in ("rpc.discover", "daemon.status", "model.list", "vm.list"):
                connection.call(method)

    def test_refuses_vm_apply(self):
        with self.daemon.connect(query=True) as connection, self.fails("notPermitted"):
            connection.call("vm.apply", {"name": "web-1", "model": "host", "fds": 0})

    def test_refuses_vm_forget(self):
        with self.daemon.connect(query=True) as connection, self.fails("notPermitted"):
            connection.call("vm.forget", {"vm": "web-1"})

    def test_refuses_declared_descriptor_and_closes(self):
        self.check_descriptors_are_refused(["/dev/null"], declared=1)

    def test_refuses_undeclared_descriptors_and_closes(self):
        self.check_descriptors_are_refused(["/dev/null", "/dev/zero"], declared=None)

    def check_descriptors_are_refused(self, paths, declared):
        fds = [os.open(path, os.O_RDONLY) for path in paths]
        request = b'{"jsonrpc":"2.0","id":1,"method":"vm.list"}\n'
        if declared is not None:
            request = b'{"jsonrpc":"2.0","id":1,"method":"vm.list","params":{"fds":%d}}\n' % declared
        try:
            with self.daemon.connect(query=True) as connection:
                connection.send_bytes(request, fds)
                message, _ = connection.receive()
                self.check_error(cpumodel.RPCError(message["error"]), "descriptorCount")
                with self.assertRaises(cpumodel.ConnectionClosed):
                    connection.receive()
        finally:
            cpumodel.close_all(fds)
        self.check_descriptors_are_as_before()


class Shell(DaemonCase):
    """The tools that Protocol.md promises are enough."""

    def test_one_line_and_half_close_as_nc_does(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain:
            plain.settimeout(20)
            plain.connect(self.daemon.query_path)
            plain.sendall(b'{"jsonrpc":"2.0","id":1,"method":"model.list"}\n')
            plain.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: plain.recv(65536), b""))
        self.assertTrue(answer.startswith(b"{") and answer.endswith(b"}\n") and answer.count(b"\n") == 1)

    def test_socat(self):
        request = b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n'
        command = ["socat", "-t10", "-", f"UNIX-CONNECT:{self.daemon.query_path}"]
        try:
            done = subprocess.run(command, input=request, capture_output=True, timeout=20, check=True)
        except FileNotFoundError:
            raise unittest.SkipTest("socat is not installed here") from None
        self.assertIn(b'"result"', done.stdout)
