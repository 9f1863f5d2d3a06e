# SPDX-License-Identifier: Apache-2.0
"""Models that operators define: files in the hierarchy, and model.define and model.remove at run time."""

import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
import unittest

import cpumodel
from cases import needs_kvm
from harness import Daemon
import kvm

MINE = """\
# SPDX-License-Identifier: Apache-2.0
[Model]
Name=%s
Extends=EPYC-Milan-v2
Description=%s
Remove=rdpid
"""


class Definitions(unittest.TestCase):
    """A daemon of its own, with a directory for definitions that outlives it."""

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        self.definitions = pathlib.Path(self.daemon.directory) / "models"
        self.definitions.mkdir()
        self.daemon._options = ("--defined-models", str(self.definitions))
        self.daemon.start()
        self.client = self.daemon.connect()

    def restart(self, number=signal.SIGTERM):
        self.daemon.process.send_signal(number)
        self.daemon.process.wait(10)
        self.daemon.start()
        self.client = self.daemon.connect()

    def define(self, name="Mine", description="first", **params):
        return self.client.call("model.define", {"text": MINE % (name, description), **params})

    def fails(self, kind, method, params):
        with self.assertRaises(cpumodel.RPCError) as caught:
            self.client.call(method, params)
        self.assertEqual(caught.exception.kind, kind, str(caught.exception))
        return caught.exception

    def names(self):
        return [model["name"] for model in self.client.call("model.list", {})["models"]]

    def test_is_in_force_at_once_and_after_restarts(self):
        self.assertTrue(self.define()["created"])
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number:
                self.restart(number)
            shown = self.client.call("model.show", {"model": "Mine-v1"})
            self.assertEqual((shown["origin"], shown["extends"]), ("runtime", "EPYC-Milan-v2"))
            base = self.client.call("model.show", {"model": "EPYC-Milan-v2"})
            self.assertEqual(set(base["features"]) - set(shown["features"]), {"rdpid"})

    def test_changes_are_told_apart_by_digest(self):
        first = self.define()["digest"]
        self.fails("modelExists", "model.define", {"text": MINE % ("Mine", "second")})
        second = self.define(description="second", replace=True, digest=first)
        self.assertFalse(second["created"])
        self.assertNotEqual(second["digest"], first)
        changed = self.fails(
            "modelChanged", "model.define", {"text": MINE % ("Mine", "third"), "replace": True, "digest": first})
        self.assertEqual(changed.data["digest"], second["digest"])
        self.fails("modelChanged", "model.remove", {"model": "Mine", "digest": first})
        self.assertEqual(self.client.call("model.show", {"model": "Mine"})["description"], "second")

    def test_is_removed_for_good(self):
        self.define()
        self.assertEqual(self.client.call("model.remove", {"model": "Mine"}), {"removed": "Mine"})
        self.fails("unknownModel", "model.show", {"model": "Mine"})
        self.restart()
        self.assertNotIn("Mine-v1", self.names())
        self.assertEqual(os.listdir(self.definitions), [])

    def test_what_others_extend_stays(self):
        self.define("Mine")
        text = (MINE % ("Yours", "mine and more")).replace("EPYC-Milan-v2", "Mine-v1").replace("rdpid", "clwb")
        self.client.call("model.define", {"text": text})
        error = self.fails("badDocument", "model.remove", {"model": "Mine"})
        self.assertIn("Yours", str(error))
        self.assertIn("Mine-v1", self.names())

    def test_shipped_models_are_not_touched(self):
        self.fails("notPermitted", "model.remove", {"model": "EPYC-Milan"})
        self.fails("notPermitted", "model.define", {"text": MINE % ("EPYC-Rome", "x"), "replace": True})
        self.assertEqual(os.listdir(self.definitions), [])

    def test_what_is_wrong_changes_nothing(self):
        self.define()
        before = self.client.call("model.list", {})
        for text, words in (
            ((MINE % ("New", "x")).replace("rdpid", "vpclmutqdq"), "vpclmulqdq"),
            ((MINE % ("New", "x")).replace("EPYC-Milan-v2", "EPYC-Milano"), "EPYC-Milan"),
            ((MINE % ("New", "x")).replace("EPYC-Milan-v2", "New-v1"), "New"),
            ((MINE % ("New", "x")).replace("Remove=rdpid", "Remove=avx"), "avx"),
            (MINE % ("../New", "x"), "New"),
            (MINE % (".New", "x"), "New"),
            ("[Model\nName=New\n", "1"),
            ("Name=New\n", "1"),
            ("", "[Model]"),
            ("\0" * 100, "1"),
        ):
            error = self.fails("badDocument", "model.define", {"text": text})
            self.assertIn(words, str(error) + json.dumps(error.data))
        self.assertEqual(self.client.call("model.list", {}), before)
        self.assertEqual(os.listdir(self.definitions), ["Mine.cpumodel"])

    def test_a_directory_that_cannot_be_written_loses_nothing(self):
        self.define()
        (self.definitions / "Mine.cpumodel").rename(self.definitions / "kept")
        self.definitions.rename(self.definitions.with_name("away"))
        self.fails("notStored", "model.define", {"text": MINE % ("New", "x")})
        self.assertIn("Mine-v1", self.names())
        self.assertNotIn("New-v1", self.names())

    def test_one_that_no_longer_fits_does_not_keep_the_daemon_from_starting(self):
        self.define()
        (self.definitions / "Broken.cpumodel").write_text((MINE % ("Broken", "x")).replace("Milan-v2", "Gone-v1"))
        self.restart()
        self.assertIn("EPYC-Milan-v2", self.names())
        self.assertIn("Broken.cpumodel", self.daemon.log())

    def test_a_reload_takes_new_files_or_none(self):
        (self.definitions / "New.cpumodel").write_text(MINE % ("New", "x"))
        self.daemon.process.send_signal(signal.SIGHUP)
        self.eventually(lambda: "New-v1" in self.names())
        (self.definitions / "Bad.cpumodel").write_text("[Model]\nName=Bad\nExtends=Nothing\n")
        (self.definitions / "New.cpumodel").unlink()
        self.daemon.process.send_signal(signal.SIGHUP)
        self.eventually(lambda: "reload-failed" in self.daemon.log())
        self.assertIn("New-v1", self.names())

    def test_survives_being_killed_at_any_point(self):
        """Whatever was answered is there afterwards; what was not is there whole or not at all."""
        answered = {}
        for round_number in range(6):
            stop = threading.Timer(random.uniform(0.005, 0.08), self.daemon.process.kill)
            stop.start()
            try:
                for number in range(1000):
                    name = f"M{round_number}-{number % 7}"
                    digest = self.define(name, f"text {number}", replace=True)["digest"]
                    answered[name] = digest
            except (OSError, cpumodel.ConnectionClosed):
                pass
            stop.join()
            self.daemon.process.wait(10)
            self.daemon.start()
            self.client = self.daemon.connect()
            self.assertNotIn("left out", self.daemon.log())
            for name in answered:
                self.assertIn("runtime", self.client.call("model.show", {"model": name})["origin"])

    @needs_kvm
    def test_a_model_in_use_stays_unless_forced(self):
        self.define()
        vm = kvm.VM(1)
        self.addCleanup(vm.close)
        self.client.call(
            "vm.apply",
            {"name": "user", "model": "Mine", "unavailable": "drop", "altered": "accept"},
            vm.vcpus,
        )
        error = self.fails("modelInUse", "model.remove", {"model": "Mine"})
        self.assertEqual(error.data["vms"], ["user"])
        self.fails("modelInUse", "model.define", {"text": MINE % ("Mine", "second"), "replace": True})
        self.assertEqual(self.client.call("model.remove", {"model": "Mine", "force": True}), {"removed": "Mine"})
        self.assertEqual(self.client.call("vm.show", {"vm": "user"})["model"], "Mine-v1")

    def eventually(self, condition):
        deadline = time.monotonic() + 5
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


class WithoutDirectory(unittest.TestCase):
    """A daemon with nowhere to write."""

    def test_says_what_to_do(self):
        daemon = Daemon()
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        client = daemon.start().connect()
        with self.assertRaises(cpumodel.RPCError) as caught:
            client.call("model.define", {"text": MINE % ("Mine", "x")})
        self.assertEqual(caught.exception.kind, "notPermitted")
        self.assertIn("DefinedModels=", str(caught.exception))

    def test_a_named_directory_must_exist(self):
        daemon = Daemon("--defined-models", "/no/such/directory")
        self.addCleanup(daemon.remove)
        with self.assertRaises((RuntimeError, subprocess.SubprocessError)):
            daemon.start()
