# SPDX-License-Identifier: Apache-2.0
"""Names that nobody knows, values that do not fit: a clear error, and nothing half done."""

import json

from cases import INVALID_PARAMS, UNKNOWN_METHOD, BadInputCase, needs_kvm


class BadParameters(BadInputCase):
    """Names that nobody knows, values that do not fit."""

    def check_suggestion(self, caught, expected):
        text = caught.exception.message + json.dumps(caught.exception.data)
        self.assertIn(expected, text)

    def test_unknown_method(self):
        with self.fails(UNKNOWN_METHOD) as caught:
            self.call("model.lst")
        self.check_suggestion(caught, "model.list")

    def test_unknown_parameter(self):
        with self.fails(INVALID_PARAMS) as caught:
            self.call("model.show", {"modle": "EPYC-Milan"})
        self.check_suggestion(caught, "model")

    def test_missing_parameter(self):
        with self.fails(INVALID_PARAMS) as caught:
            self.call("model.show")
        self.check_suggestion(caught, "model")

    def test_unknown_model(self):
        with self.fails("unknownModel") as caught:
            self.call("model.show", {"model": "EPYC-Milano"})
        self.assertEqual(caught.exception.data["model"], "EPYC-Milano")
        self.assertIn("EPYC-Milan", caught.exception.data["suggestion"])

    def test_unknown_version(self):
        with self.fails("unknownModel"):
            self.call("model.show", {"model": "EPYC-Milan-v99"})

    @needs_kvm
    def test_unknown_feature(self):
        with self.fails("unknownFeature") as caught:
            self.call("model.expand", {"model": "EPYC-Milan,+avx512ff"})
        self.assertEqual(caught.exception.data["feature"], "avx512ff")
        self.assertIn("avx512f", caught.exception.data["suggestion"])

    @needs_kvm
    def test_bad_expressions(self):
        for expression in ("", ",", "EPYC-Milan,", "EPYC-Milan,+", "EPYC-Milan,=x", "EPYC-Milan,\n", "+avx2"):
            with self.fails("badExpression", "unknownModel", "unknownFeature"):
                self.call("model.expand", {"model": expression})

    @needs_kvm
    def test_values_that_vm_apply_does_not_take(self):
        bad = [
            {"name": 1}, {"name": ""}, {"name": "-x"}, {"name": "a b"}, {"name": "ü"}, {"name": "x" * 65},
            {"name": "../x"},
            {"model": None}, {"model": ["host"]}, {"unavailable": "maybe"}, {"altered": True}, {"replace": "yes"},
            {"physicalAddressBits": "all"}, {"physicalAddressBits": 0}, {"physicalAddressBits": 99},
            {"topology": []}, {"topology": {"cores": "1"}}, {"topology": {"cores": 0}}, {"topology": {"cores": 1.5}},
            {"topology": {"cores": -1}}, {"topology": {"core": 1}}, {"apicIds": 0}, {"apicIds": ["0"]},
            {"apicIds": [-1]}, {"apicIds": [2**32]}, {"surprise": 1},
        ]  # fmt: skip
        vm, client = self.make_vm(), self.connect()
        for params in bad:
            with self.fails(INVALID_PARAMS, "badTopology"):
                self.try_apply(vm.vcpus, client, **params)
        self.assertEqual((client.jobs, vm.tables()), (0, [[]]))

    @needs_kvm
    def test_counts_that_overflow(self):
        vm, client = self.make_vm(), self.connect()
        for huge in (2**31, 2**32 + 1, 2**63 - 1, 2**64, 10**30):
            topology = dict.fromkeys(("sockets", "dies", "modules", "cores", "threads"), huge)
            with self.fails(INVALID_PARAMS, "badTopology"):
                self.try_apply(vm.vcpus, client, topology=topology)

    @needs_kvm
    def test_declared_counts_that_are_none(self):
        for count in (-1, 0, 1.5, "1", None, [], True, 2**40):
            client = self.connect()
            params = {"name": "bad", "model": "host", "fds": count}
            client.send({"jsonrpc": "2.0", "id": 1, "method": "vm.apply", "params": params})
            self.check_answer(client, INVALID_PARAMS, "descriptorCount", "limitExceeded")

    @needs_kvm
    def test_apic_ids_that_do_not_fit(self):
        vm = self.make_vm(2)
        for ids in ([0], [0, 0], [0, 1, 2]):
            with self.fails("badTopology", INVALID_PARAMS):
                self.try_apply(vm.vcpus, apicIds=ids)

    @needs_kvm
    def test_host_document_that_is_none(self):
        for host in (1, [], "x", {}, {"vendor": "GenuineIntel"}):
            with self.fails(INVALID_PARAMS):
                self.call("model.expand", {"model": "EPYC-Milan", "host": host})
