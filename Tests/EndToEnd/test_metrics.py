# SPDX-License-Identifier: Apache-2.0
"""Metrics: what they say, that they are OpenMetrics, and the file for node_exporter."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import cpumodel
import kvm
import openmetrics
from cases import DaemonCase, needs_kvm
from harness import Daemon, binary


class MetricsCase(DaemonCase):
    def metrics(self):
        result = self.call("daemon.metrics")
        self.assertEqual(result["contentType"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        return openmetrics.parse(result["text"])


class Metrics(MetricsCase):
    def test_every_method_is_there_from_the_start(self):
        requests, durations = (self.metrics()[f"cpumodeld_{name}"] for name in ("requests", "request_duration_seconds"))
        for method in self.call("rpc.discover")["methods"]:
            requests.value(method=method["name"], outcome="ok")
            durations.value(method=method["name"], le="+Inf")

    def test_requests_are_counted_by_method_and_outcome(self):
        before = self.metrics()
        self.call("model.list")
        for _ in range(2):
            with self.fails("unknownModel"):
                self.call("model.show", {"model": "no-such"})
        with self.fails(-32602):
            self.call("model.show", {})
        after = self.metrics()

        def count(metrics, method, outcome):
            try:
                return metrics["cpumodeld_requests"].value(method=method, outcome=outcome)
            except KeyError:
                return 0

        for method, outcome, more in (
            ("model.list", "ok", 1),
            ("model.show", "ok", 0),
            ("model.show", "unknownModel", 2),
            ("model.show", "invalidParams", 1),
            ("daemon.metrics", "ok", 1),
        ):
            self.assertEqual(count(after, method, outcome) - count(before, method, outcome), more, (method, outcome))
        times = [
            [value for name, labels, value in metrics["cpumodeld_request_duration_seconds"].samples
             if name.endswith("_count") and labels == {"method": "model.show"}][0]
            for metrics in (before, after)
        ]  # fmt: skip
        self.assertEqual(times[1] - times[0], 3)

    def test_names_that_are_no_methods_make_no_metrics(self):
        with self.fails(-32601):
            self.call("no.such")
        self.assertNotIn("no.such", self.call("daemon.metrics")["text"])

    def test_gauges(self):
        metrics = self.metrics()
        status = self.call("daemon.status")
        self.assertEqual(metrics["cpumodeld_build"].value(version=status["version"]), 1)
        self.assertEqual(metrics["cpumodeld_catalog"].value(digest=status["models"]["digest"]), 1)
        self.assertEqual(metrics["cpumodeld_catalog_models"].value(), status["models"]["count"])
        self.assertEqual(metrics["cpumodeld_connections"].value(), 1)
        self.assertGreater(metrics["cpumodeld_open_files"].value(), 5)
        self.assertLess(metrics["cpumodeld_open_files"].value(), metrics["cpumodeld_open_files_limit"].value())
        self.assertEqual(metrics["cpumodeld_kvm_usable"].value(), 0 if status["hostProblem"] else 1)

    @needs_kvm
    def test_applications_are_counted_by_verdict(self):
        def counts(metrics):
            return {
                labels["verdict"]: value
                for name, labels, value in metrics["cpumodeld_apply_duration_seconds"].samples
                if name.endswith("_count")
            }

        before = self.metrics()
        verdict = self.apply(self.make_vm(2), name="web-1")["verdict"]
        with self.fails("unknownModel"):
            self.connect().call("vm.apply", {"name": "web-2", "model": "no-such"}, self.make_vm().vcpus)
        after = self.metrics()
        more = {name: value - counts(before)[name] for name, value in counts(after).items()}
        self.assertEqual(more, {**dict.fromkeys(more, 0), verdict: 1, "failed": 1})
        self.assertEqual(after["cpumodeld_vms"].value(), 1)
        self.assertEqual(after["cpumodeld_vcpu_descriptors"].value(), 2)
        events = [metrics["cpumodeld_events"].value(event="vm-applied") for metrics in (before, after)]
        self.assertEqual(events[1] - events[0], 1)

    def test_faults_and_refusals_of_connections(self):
        before = self.metrics()["cpumodeld_protocol_faults"].value()
        with self.daemon.connect() as client:
            client.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"vm.list","params":{"fds":1}}\n')
            client.receive()
        self.assertEqual(self.metrics()["cpumodeld_protocol_faults"].value(), before + 1)

    def test_ctl(self):
        command = [binary("cpumodelctl"), "metrics", "--socket", self.daemon.query_path]
        done = subprocess.run(command, capture_output=True, timeout=30, text=True, check=True)
        self.assertIn("cpumodeld_build", openmetrics.parse(done.stdout))

    def test_another_reader_agrees(self):
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
        except ImportError:
            self.skipTest("python3-prometheus-client is not installed")
        names = {family.name for family in text_string_to_metric_families(self.call("daemon.metrics")["text"])}
        self.assertEqual(names, set(self.metrics()))


class MetricsFile(unittest.TestCase):
    """The file for node_exporter's textfile collector, in Prometheus' own format."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "out").mkdir()
        self.path = self.directory / "out/cpumodeld.prom"
        self.conf = self.directory / "cpumodeld.conf"

    def start(self, *lines):
        self.conf.write_text("\n".join(["[Daemon]", *lines, ""]))
        self.daemon = Daemon("--config", str(self.conf), "--log", "stderr").start()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)

    def eventually(self, condition, text):
        DaemonCase.eventually(self, condition, text, timeout=20)

    def requests(self):
        found = re.search(r'^cpumodeld_requests_total\{method="model.list",outcome="ok"\} (\d+)$', self.path.read_text(), re.M)
        return int(found[1])

    def test_is_written_again_and_again(self):
        self.start(f"MetricsFile={self.path}", "MetricsIntervalSec=1s")
        self.eventually(self.path.exists, "no file is written")
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o644)
        with self.daemon.connect() as client:
            client.call("model.list")
        self.eventually(lambda: self.requests() == 1, "the file does not follow")
        self.assertEqual(os.listdir(self.path.parent), [self.path.name])

    def test_is_what_the_collector_reads(self):
        self.start(f"MetricsFile={self.path}")
        self.eventually(self.path.exists, "no file is written")
        text = self.path.read_text()
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.assertLessEqual(set(types.values()), {"counter", "gauge", "histogram"})
        self.assertNotIn("# UNIT", text)
        for line in text.splitlines():
            if not line.startswith("#"):
                name = re.match(r"\w+", line).group()
                family = re.sub(r"_(bucket|count|sum)$", "", name)
                self.assertTrue(name in types or types.get(family) == "histogram", line)

    def test_a_file_that_cannot_be_written_is_told_once(self):
        self.path.parent.rmdir()
        self.start(f"MetricsFile={self.path}", "MetricsIntervalSec=1s")
        self.eventually(lambda: "file-not-written" in self.daemon.log(), "nobody is told")
        self.path.parent.mkdir()
        self.eventually(self.path.exists, "no file is written once it can be")
        self.assertEqual(self.daemon.log(100).count("file-not-written"), 1)

    def test_a_reload_starts_and_ends_it(self):
        self.start()
        self.conf.write_text(f"[Daemon]\nMetricsFile={self.path}\n")
        self.daemon.process.send_signal(signal.SIGHUP)
        self.eventually(self.path.exists, "no file is written")
        self.conf.write_text("[Daemon]\nMetricsFile=\n")
        self.daemon.process.send_signal(signal.SIGHUP)
        self.eventually(lambda: not self.path.exists(), "the file is still there")
