# SPDX-License-Identifier: Apache-2.0
"""What fleets take from a host: labels for node-feature-discovery, and host documents for a baseline."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from cases import DaemonCase, needs_kvm
from harness import Daemon, binary

NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
SPACE = "feature.node.kubernetes.io/"


def labels(text):
    """The labels of a feature file, held to what node-feature-discovery and Kubernetes take."""
    assert len(text.encode()) <= 64 << 10 and text.endswith("\n")
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert not line.startswith("# +"), line
            continue
        key, equals, value = line.partition("=")
        assert equals and key.startswith(SPACE), line
        name = key[len(SPACE) :]
        assert NAME.fullmatch(name) and NAME.fullmatch(value), line
        assert name not in found, line
        found[name] = value
    return found


class FleetCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-"))
        self.addCleanup(shutil.rmtree, self.directory)
        for name in ("out", "defined"):
            (self.directory / name).mkdir()
        self.path = self.directory / "out/cpumodeld"
        self.conf = self.directory / "cpumodeld.conf"
        self.conf.write_text(f"[Daemon]\nFeaturesFile={self.path}\n")
        options = ("--config", str(self.conf), "--defined-models", str(self.directory / "defined"))
        self.daemon = Daemon(*options).start()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)

    def eventually(self, condition, text):
        DaemonCase.eventually(self, condition, text, timeout=20)

    def call(self, method, **params):
        with self.daemon.connect() as client:
            return client.call(method, params)

    def ctl(self, *arguments):
        command = [binary("cpumodelctl"), *arguments, "--socket", self.daemon.socket_path]
        return subprocess.run(command, capture_output=True, timeout=60, text=True, check=True).stdout


@needs_kvm
class NodeFeatures(FleetCase):
    def test_labels_are_the_usable_models_with_their_stamps(self):
        self.eventually(self.path.exists, "no file is written")
        found = labels(self.path.read_text())
        usable = {model["name"] for model in self.call("model.list", usable=True)["models"]}
        models = {name.removeprefix("cpumodel.") for name in found if name.startswith("cpumodel.")}
        self.assertEqual(models, usable | {"host"})
        for name in sorted(models)[::7] + ["host"]:
            self.assertEqual(found[f"cpumodel.{name}"], self.call("table.compute", model=name)["stamp"], name)
        host = self.call("daemon.status")["host"]
        self.assertEqual(found["cpumodel-host.vendor"], host["vendor"])

    def test_labels_follow_the_catalog(self):
        self.eventually(self.path.exists, "no file is written")
        self.call("model.define", text="[Model]\nName=Mine\nExtends=base\n")
        self.eventually(lambda: "cpumodel.Mine-v1" in labels(self.path.read_text()), "there is no new label")
        self.call("model.remove", model="Mine")
        self.eventually(lambda: "cpumodel.Mine-v1" not in labels(self.path.read_text()), "the label is still there")
        self.conf.write_text("")
        self.daemon.process.send_signal(signal.SIGHUP)
        self.eventually(lambda: not self.path.exists(), "the file is still there")


@needs_kvm
class HostDocuments(FleetCase):
    def test_a_directory_of_what_hosts_say_has_a_baseline(self):
        """Each host saves its own document under its own name, as by `cpumodelctl host --json > $(hostname).json`."""
        fleet = self.directory / "fleet"
        fleet.mkdir()
        document = json.loads(self.ctl("host", "--json"))
        for name in ("a", "b", "c"):
            (fleet / f"{name}.json").write_text(json.dumps(document))
        alike = json.loads(self.ctl("baseline", str(fleet), "--json"))
        self.assertEqual([each for each in alike["lost"] if each["lackedBy"]], [])
        # One host whose KVM offers less takes it from all.
        for entry in document["supportedCPUID"]:
            if int(entry["leaf"], 16) == 1:
                entry["ecx"] = hex(int(entry["ecx"], 16) & ~(1 << 13))  # cx16
        (fleet / "c.json").write_text(json.dumps(document))
        less = json.loads(self.ctl("baseline", str(fleet), "--json"))
        self.assertIn("cx16", alike["features"])
        self.assertNotIn("cx16", less["features"])
        self.assertIn("c", json.dumps(less))
