# SPDX-License-Identifier: Apache-2.0
"""cpumodelctl: what it shows, its exit statuses, and that its JSON is the daemon's own answer."""

import json
import pathlib
import re
import subprocess

from cases import DaemonCase, needs_kvm
from harness import binary

TIMEOUT = 30
ANSWERED, NO, USAGE, UNREACHABLE = 0, 1, 2, 3


def ctl(*arguments):
    command = [binary("cpumodelctl"), *arguments]
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT, text=True, check=False)


def commands():
    """The subcommands that the help lists, under whatever headings."""
    sections = re.findall(r"SUBCOMMANDS:\n(.*?)\n\n", ctl("--help").stdout, re.S)
    return re.findall(r"^  (\w\S*)", "\n".join(sections), re.M)


class Control(DaemonCase):
    """The tool against a daemon, and against none."""

    def ask(self, *arguments, query=True):
        """The standard output of a run that must succeed."""
        path = self.daemon.query_path if query else self.daemon.socket_path
        done = ctl(*arguments, "--socket", path)
        self.assertEqual(done.returncode, ANSWERED, f"{arguments}: {done.stderr}")
        self.assertEqual(done.stderr, "", arguments)
        return done.stdout

    def check_fails(self, status, *arguments):
        """Standard error of a run that must end so."""
        done = ctl(*arguments, "--socket", self.daemon.query_path)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        self.assertTrue(done.stderr)
        return done.stderr

    def test_every_command_explains_itself(self):
        self.assertLessEqual(
            {"status", "host", "models", "show", "expand", "compute", "vms", "vm", "forget"}, set(commands())
        )
        for name in commands():
            done = ctl(name, "--help")
            self.assertEqual(done.returncode, ANSWERED, name)
            self.assertRegex(done.stdout, r"(?s)^OVERVIEW: .+\nUSAGE: cpumodelctl " + name)

    def test_status(self):
        self.assertIn(self.call("daemon.status")["version"], self.ask("status"))
        self.assertEqual(json.loads(self.ask("status", "--json"))["pid"], self.daemon.process.pid)

    def test_models(self):
        self.assertEqual(json.loads(self.ask("models", "--json")), self.call("model.list"))
        self.assertIn("EPYC-Milan-v2", self.ask("models"))

    def test_models_of_a_pattern(self):
        text = self.ask("models", "EPYC-Milan*")
        self.assertIn("EPYC-Milan-v1", text)
        self.assertNotIn("Skylake", text)

    def test_show(self):
        self.assertEqual(
            json.loads(self.ask("show", "EPYC-Milan-v2", "--json")), self.call("model.show", {"model": "EPYC-Milan-v2"})
        )
        self.assertIn("vaes", self.ask("show", "EPYC-Milan-v2"))

    @needs_kvm
    def test_host(self):
        self.assertEqual(json.loads(self.ask("host", "--json")), self.call("host.describe"))
        self.assertTrue(self.ask("host"))

    @needs_kvm
    def test_expand(self):
        expected = self.call("model.expand", {"model": "EPYC-Milan,-svm"})
        self.assertEqual(json.loads(self.ask("expand", "EPYC-Milan,-svm", "--json")), expected)

    @needs_kvm
    def test_compute(self):
        self.assertEqual(
            json.loads(self.ask("compute", "host", "--json")), self.call("table.compute", {"model": "host"})
        )
        self.assertTrue(self.ask("compute", "host"))

    @needs_kvm
    def test_host_document_stands_for_this_host(self):
        path = pathlib.Path(self.daemon.directory / "host.json")
        path.write_text(self.ask("host", "--json"))
        for verb in ("expand", "compute"):
            self.assertEqual(
                self.ask(verb, "host", "--json", "--host", str(path)), self.ask(verb, "host", "--json"), verb
            )

    @needs_kvm
    def test_vms(self):
        name = self.name()
        result = self.apply(self.make_vm(2), name=name)
        self.assertIn(name, self.ask("vms"))
        self.assertIn(result["stamp"], self.ask("vm", name))
        self.assertEqual(json.loads(self.ask("vm", name, "--json")), self.call("vm.show", {"vm": name}))
        self.ask("forget", name, query=False)
        self.assertNotIn(name, self.registered())

    def test_unknown_names_are_suggested(self):
        self.assertIn("EPYC-Milan", self.check_fails(NO, "show", "EPYC-Milano"))
        self.check_fails(NO, "vm", "no-such-vm")

    def test_usage(self):
        self.check_fails(USAGE, "no-such-command")
        self.check_fails(USAGE, "show")
        self.check_fails(USAGE, "status", "--no-such-option")

    def test_host_file_that_is_none(self):
        for path in (str(self.daemon.directory / "no-such.json"), __file__):
            self.assertIn(path, self.check_fails(USAGE, "expand", "host", "--host", path))

    def test_no_daemon(self):
        path = str(self.daemon.directory / "no-such.sock")
        for arguments in (["status"], ["models"], ["vms"], ["show", "host"]):
            done = ctl(*arguments, "--socket", path)
            self.assertEqual(done.returncode, UNREACHABLE, arguments)
            self.assertIn(path, done.stderr, arguments)
