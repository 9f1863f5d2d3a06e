# SPDX-License-Identifier: Apache-2.0
"""A file of models that is wrong costs its own models and no others: how a daemon starts then, and whom it tells."""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import cpumodel
import openmetrics
from harness import MODELS, Daemon, binary

MINE = "[Model]\nName=%s\nExtends=%s\n%s\n"


class RefusedModels(unittest.TestCase):
    """A daemon with an administrator's directory of models, which hides what is shipped."""

    def setUp(self):
        self.models = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-models-"))
        self.addCleanup(shutil.rmtree, self.models)
        self.defined = self.models / "defined"
        self.defined.mkdir()
        self.daemon = Daemon("--models", str(MODELS), "--defined-models", str(self.defined), "--log", "stderr")
        self.daemon.models = self.models
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)

    def write(self, name, base="EPYC-Milan-v2", rest="", folder=None):
        path = (folder or self.models) / f"{name}.cpumodel"
        path.write_text(MINE % (name, base, rest))
        return path

    def start(self):
        self.daemon.start()
        self.client = self.daemon.connect()
        self.addCleanup(self.client.close)
        ready = next(data for data, _ in self.daemon.heard if b"READY=1" in data.split(b"\n"))
        return dict(line.split("=", 1) for line in ready.decode().splitlines())["STATUS"]

    def reload(self):
        """Has the files read anew; returns the status text behind it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = self.daemon.directory / "notify.sock"
            manager.bind(str(path))
            self.daemon.process.send_signal(signal.SIGHUP)
            while True:
                self.assertTrue(select.select([manager], [], [], 20)[0], "the service manager hears nothing")
                said = dict(line.split("=", 1) for line in manager.recv(65536).decode().splitlines())
                if said.get("READY") == "1":
                    os.unlink(path)
                    return said["STATUS"]

    def status(self):
        return self.client.call("daemon.status")["models"]

    def refused(self):
        return {os.path.basename(each["file"]): each["problems"] for each in self.status()["refused"]}

    def names(self):
        return {model["name"] for model in self.client.call("model.list", {})["models"]}

    def metric(self, name):
        return openmetrics.parse(self.client.call("daemon.metrics")["text"])[name].value()

    def fails(self, kind, method, params):
        with self.assertRaises(cpumodel.RPCError) as caught:
            self.client.call(method, params)
        self.assertEqual(caught.exception.kind, kind, str(caught.exception))
        return caught.exception

    def control(self, *arguments):
        command = [binary("cpumodelctl"), *arguments, "--socket", self.daemon.socket_path]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def test_nothing_is_refused_where_all_is_right(self):
        self.write("Fleet")
        self.assertRegex(self.start(), r"^Serving \d+ models\.$")
        self.assertEqual(self.refused(), {})
        self.assertEqual(self.metric("cpumodeld_model_files_refused"), 0)
        self.assertEqual(self.metric("cpumodeld_configuration_good"), 1)
        self.assertNotIn("model-refused", self.daemon.log())
        self.assertNotIn("Left out", self.control("status").stdout)

    def test_starts_without_what_is_wrong_and_tells_everybody(self):
        self.write("Good")
        bad = self.write("Bad", rest="Remove=rdpidd")
        fault = f'{bad}:4: Remove= has "rdpidd", which is no feature; did you mean "rdpid"?'
        self.assertRegex(self.start(), rf"^Serving \d+ models\. 1 file of models is wrong and left out: {re.escape(fault)}$")
        self.assertLessEqual({"Good-v1", "EPYC-Milan-v2"}, self.names())
        self.assertNotIn("Bad-v1", self.names())
        self.assertEqual(self.refused(), {"Bad.cpumodel": [fault]})
        self.assertEqual(self.metric("cpumodeld_model_files_refused"), 1)
        self.assertEqual(self.metric("cpumodeld_configuration_good"), 0)
        lines = [line for line in self.daemon.log(100).splitlines() if "model-refused" in line]
        self.assertEqual(len(lines), 1)
        self.assertIn(fault, lines[0])
        self.assertIn(f"FILE={bad}", lines[0])
        shown = re.sub(r"\s+", " ", self.control("status").stdout)
        self.assertIn(f"Left out {fault}", shown)

    def test_a_request_for_a_refused_model_is_told_its_fault(self):
        bad = self.write("Bad", rest="Remove=rdpidd")
        self.start()
        for method, params in (
            ("model.show", {"model": "Bad-v1"}),
            ("model.expand", {"model": "Bad,-svm"}),
            ("table.compute", {"model": "Bad"}),
            ("vm.list", {"model": "Bad"}),
        ):
            error = self.fails("unknownModel", method, params)
            self.assertIn(f"{bad}:4: Remove= has", str(error), method)
            self.assertEqual(error.data["file"], str(bad))
            self.assertEqual(len(error.data["problems"]), 1)
        self.assertNotIn("file", self.fails("unknownModel", "model.show", {"model": "Nobody"}).data)
        for text in ("<cpu><model>Bad</model></cpu>", "Bad,+avx2"):
            error = self.fails("badDocument", "model.import", {"text": text})
            self.assertIn(f"{bad}:4: Remove= has", str(error), text)

    def test_what_builds_on_it_is_refused_for_that(self):
        self.write("Bad", rest="Remove=rdpidd")
        self.write("On-Bad", base="Bad-v1")
        self.write("On-Bad-2", base="On-Bad", folder=self.defined)
        self.start()
        self.assertEqual(sorted(self.refused()), ["Bad.cpumodel", "On-Bad-2.cpumodel", "On-Bad.cpumodel"])
        self.assertIn("Extends= names On-Bad, which is left out: ", self.refused()["On-Bad-2.cpumodel"][0])
        self.assertIn("Bad.cpumodel:4: Remove= has", self.refused()["On-Bad-2.cpumodel"][0])

    def test_a_file_that_is_wrong_still_hides_the_shipped_one(self):
        (self.models / "EPYC-Milan.cpumodel").write_text("[Model\n")
        self.start()
        self.assertNotIn("EPYC-Milan-v2", self.names())
        self.assertIn("EPYC-Rome-v1", self.names())
        error = self.fails("unknownModel", "model.show", {"model": "EPYC-Milan-v2"})
        self.assertIn(f"{self.models}/EPYC-Milan.cpumodel:1: ", str(error))

    def test_files_that_cannot_be_read_are_refused_too(self):
        (self.models / "Folder.cpumodel").mkdir()
        (self.models / "Nowhere.cpumodel").symlink_to("/no/such/file")
        (self.models / "Huge.cpumodel").write_bytes(b"#" * (2 << 20))
        self.start()
        self.assertEqual(sorted(self.refused()), ["Folder.cpumodel", "Huge.cpumodel", "Nowhere.cpumodel"])
        for problems in self.refused().values():
            self.assertIn(" cannot be read: ", problems[0])
        self.assertIn("EPYC-Milan-v2", self.names())

    def test_a_reload_takes_all_or_nothing_also_then(self):
        bad = self.write("Bad", rest="Remove=rdpidd")
        self.start()
        self.write("New")
        self.assertIn(f"{bad}:4: ", self.reload())
        self.assertNotIn("New-v1", self.names())
        self.assertEqual(list(self.refused()), ["Bad.cpumodel"])
        self.write("Bad")
        self.assertRegex(self.reload(), r"^Serving \d+ models\.$")
        self.assertLessEqual({"New-v1", "Bad-v1"}, self.names())
        self.assertEqual((self.refused(), self.metric("cpumodeld_model_files_refused")), ({}, 0))
        self.assertEqual(self.metric("cpumodeld_configuration_good"), 1)

    def test_check_config_names_the_mistake_and_not_what_follows_from_it(self):
        bad = self.write("Bad", rest="Remove=rdpidd")
        self.write("On-Bad", base="Bad-v1")
        command = [binary("cpumodeld"), "--check-config", "--quiet", "--models", str(self.models), "--models", str(MODELS)]
        done = subprocess.run(command, capture_output=True, timeout=60, text=True, check=False)
        self.assertEqual(done.returncode, 78)
        self.assertIn(f"{bad}:4: ", done.stderr)
        self.assertNotIn("On-Bad", done.stderr)

    def test_one_defined_at_run_time_can_be_mended_or_removed(self):
        path = self.write("Mine", base="Gone-v1", folder=self.defined)
        self.write("Other", base="Mine", folder=self.defined)
        self.start()
        text = MINE % ("Mine", "EPYC-Milan-v2", "")
        error = self.fails("modelExists", "model.define", {"text": text})
        self.assertIn(f"{path}:3: Extends= names no model", str(error))
        self.fails("modelChanged", "model.define", {"text": text, "replace": True, "digest": "0"})
        self.assertEqual(path.read_text(), MINE % ("Mine", "Gone-v1", ""))
        self.client.call("model.define", {"text": text, "replace": True})
        self.assertEqual(self.refused(), {})
        self.assertLessEqual({"Mine-v1", "Other-v1"}, self.names())
        path.write_text(MINE % ("Mine", "Gone-v1", ""))
        self.daemon.stop()
        self.start()
        self.assertEqual(sorted(self.refused()), ["Mine.cpumodel", "Other.cpumodel"])
        self.client.call("model.define", {"text": MINE % ("Third", "EPYC", "")})
        self.assertEqual(self.client.call("model.remove", {"model": "Mine"}), {"removed": "Mine"})
        self.assertEqual(list(self.refused()), ["Other.cpumodel"])
        self.assertFalse(path.exists())
