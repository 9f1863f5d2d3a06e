# SPDX-License-Identifier: Apache-2.0
"""The questions between CPUs: detect, compare, baseline, migration, and other programs' words."""

import unittest

import kvm
from cases import DaemonCase, needs_kvm

# Two CPUs as `cpuid -r` prints them, cut down to the leaves that matter: made for this test.
HASWELL = """\
CPU 0:
   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
   0x00000001 0x00: eax=0x000306c3 ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff
   0x00000006 0x00: eax=0x00000004 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
   0x00000007 0x00: eax=0x00000000 ebx=0x000027ab ecx=0x00000000 edx=0x00000000
   0x0000000d 0x00: eax=0x00000007 ebx=0x00000340 ecx=0x00000340 edx=0x00000000
   0x0000000d 0x01: eax=0x00000001 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
   0x0000000d 0x02: eax=0x00000100 ebx=0x00000240 ecx=0x00000000 edx=0x00000000
   0x80000000 0x00: eax=0x80000008 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
   0x80000001 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000021 edx=0x2c100800
   0x80000008 0x00: eax=0x00003027 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
"""
NO_AVX2 = HASWELL.replace("ebx=0x000027ab", "ebx=0x0000278b")


class Algebra(DaemonCase):
    def test_a_dump_gets_a_name_and_every_difference(self):
        result = self.call("model.detect", {"cpu": {"dump": HASWELL}, "purpose": "host"})
        self.assertTrue(result["model"].startswith("Haswell"), result["model"])
        self.assertEqual(result["removed"], [])
        named = set(self.call("model.show", {"model": result["model"]})["features"])
        self.assertIn("avx2", named)
        self.assertFalse(named & set(result["added"]))

    def test_comparison_has_two_sides(self):
        result = self.call(
            "model.compare", {"first": {"dump": HASWELL, "name": "a"}, "second": {"dump": NO_AVX2, "name": "b"}}
        )
        self.assertEqual((result["relation"], result["onlyInFirst"]), ("superset", ["avx2"]))
        back = self.call(
            "model.compare", {"first": {"dump": NO_AVX2, "name": "b"}, "second": {"dump": HASWELL, "name": "a"}}
        )
        self.assertEqual((back["relation"], back["onlyInSecond"]), ("subset", ["avx2"]))
        same = self.call("model.compare", {"first": {"dump": HASWELL}, "second": {"dump": HASWELL}})
        self.assertEqual(same["relation"], "identical")

    def test_versions_of_a_model(self):
        result = self.call(
            "model.compare", {"first": {"model": "EPYC-Milan-v2"}, "second": {"model": "EPYC-Milan-v1"}}
        )
        self.assertEqual(result["relation"], "superset")
        self.assertIn("vaes", result["onlyInFirst"])

    def test_a_baseline_is_what_all_have_and_says_who_lacks_what(self):
        cpus = [{"dump": HASWELL, "name": "new"}, {"dump": NO_AVX2, "name": "old"}]
        result = self.call("model.baseline", {"cpus": cpus})
        self.assertNotIn("avx2", result["features"])
        self.assertIn("avx", result["features"])
        lost = {lost["feature"]: lost for lost in result["lost"]}
        self.assertEqual((lost["avx2"]["lackedBy"], lost["avx2"]["example"]), (1, "old"))
        self.assertEqual(self.call("model.baseline", {"cpus": cpus[::-1]})["features"], result["features"])

    def test_no_cpus_have_no_baseline(self):
        with self.fails("noBaseline"):
            self.call("model.baseline", {"cpus": []})
        with self.fails("noBaseline"):
            self.call("model.baseline", {"cpus": [{"dump": HASWELL}, {"model": "EPYC-Milan"}]})

    def test_migration_says_why_not_and_what_would_help(self):
        hosts = [{"dump": HASWELL, "name": "new"}, {"dump": NO_AVX2, "name": "old"}]
        guest = {"model": "Haswell-v2"}
        result = self.call("vm.checkMigration", {"guest": guest, "hosts": hosts})
        self.assertEqual(result["possible"], all(host["possible"] for host in result["hosts"]))
        self.assertFalse(result["hosts"][1]["possible"])
        reasons = {reason.get("feature"): reason for reason in result["hosts"][1]["reasons"]}
        self.assertEqual((reasons["avx2"]["register"], reasons["avx2"]["bit"]), ("ebx", 5))
        self.assertIn("avx2", result["smallestChange"]["drop"])
        changed = ",".join(["Haswell-v2"] + ["-" + name for name in result["smallestChange"]["drop"]])
        again = self.call("vm.checkMigration", {"guest": {"model": changed}, "hosts": hosts})
        self.assertTrue(again["possible"], again)

    @needs_kvm
    def test_a_registered_vm_can_stay_where_it_is(self):
        vm = self.make_vm(1)
        self.apply(vm, name="stays", model="host", altered="accept", unavailable="drop")
        self.addCleanup(self.forget, "stays")
        seen = self.call("model.detect", {"cpu": {"vm": "stays"}})
        self.assertTrue(seen["model"])
        self.assertEqual(
            self.call("model.compare", {"first": {"vm": "stays"}, "second": {"vm": "stays"}})["relation"], "identical"
        )
        with self.fails("unknownVM"):
            self.call("model.detect", {"cpu": {"vm": "stay"}})

    def test_exactly_one_subject(self):
        for cpu in ({}, {"model": "host", "vm": "x"}, {"modell": "host"}, {"host": "that"}, {"host": {}}):
            with self.fails(-32602):
                self.call("model.detect", {"cpu": cpu})

    def test_garbage_is_no_dump(self):
        for text in ("", "garbage", "{}", "{", "<cpudata", "<a>" * 1000, "CPU 0:\n", "\x00\x01"):
            with self.fails("badDocument"):
                self.call("model.detect", {"cpu": {"dump": text}})

    def test_a_model_goes_out_and_comes_back(self):
        for expression in ("EPYC-Milan-v2,-svm", "Haswell-v4,+invtsc", "Skylake-Server-v5"):
            meant = self.call("model.expand", {"model": expression})
            for form in ("qemu", "libvirt"):
                text = self.call("model.export", {"model": expression, "format": form})["text"]
                back = self.call("model.import", {"text": text})
                again = self.call("model.expand", {"model": back["model"]})
                self.assertEqual(again["features"], meant["features"], f"{expression} as {form}: {text}")

    def test_words_of_others(self):
        flags = self.call("model.export", {"model": "Haswell-v2", "format": "cpuinfo"})["text"].split()
        self.assertIn("sse4_2", flags)
        self.assertEqual(self.call("model.export", {"model": "Haswell-v2", "format": "march"})["text"], "haswell")
        back = self.call("model.import", {"text": "flags : " + " ".join(flags)})
        self.assertTrue(back["model"].startswith("Haswell"), back["model"])
        with self.fails("badDocument"):
            self.call("model.import", {"text": "<cpu><model>NoSuchModel</model></cpu>"})


if __name__ == "__main__":
    unittest.main()
