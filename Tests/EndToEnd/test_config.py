# SPDX-License-Identifier: Apache-2.0
"""Configuration: what --check-config says, and what a reload changes."""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import cpumodel
from harness import MODELS, Daemon, binary

BAD_CONFIGURATION = 78  # sysexits(3), EX_CONFIG


class ConfigCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = self.directory / "cpumodeld.conf"
        self.write()

    def write(self, *lines, file=None):
        (file or self.file).write_text("\n".join([*lines, ""]))


class CheckConfig(ConfigCase):
    def check(self, *options):
        command = [binary("cpumodeld"), "--check-config", "--config", str(self.file), "--models", str(MODELS), *options]
        return subprocess.run(command, capture_output=True, timeout=30, text=True, check=False)

    def test_prints_what_is_in_force_and_where_from(self):
        self.write("[Limits]", "Connections=7")
        (self.directory / "cpumodeld.conf.d").mkdir()
        self.write("[Daemon]", "OwnerDeadlineSec=1500ms", file=self.directory / "cpumodeld.conf.d/10-a.conf")
        done = self.check("--socket", "/tmp/x.sock")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = {value: origin for origin, value in re.findall(r"^# (.*)\n(\w+=.*)$", done.stdout, re.M)}
        self.assertEqual(said["Connections=7"], f"{self.file}:2")
        self.assertEqual(said["OwnerDeadlineSec=1500ms"], f"{self.file}.d/10-a.conf:2")
        self.assertEqual(said["Socket=/tmp/x.sock"], "--socket on the command line")
        self.assertIn(f"#   {self.file}\n#   {self.file}.d/10-a.conf\n", done.stdout)
        self.write(done.stdout)  # is itself a configuration, and the same one
        shutil.rmtree(self.directory / "cpumodeld.conf.d")
        again = self.check()
        values = [[line for line in text.splitlines() if line[:1] not in ("#", "")] for text in (done.stdout, again.stdout)]
        self.assertEqual(*values)

    def test_says_all_that_is_wrong(self):
        self.write("[Limits]", "Connectoins=7", "[Daemon]", "SocketMode=1777")
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (BAD_CONFIGURATION, ""))
        self.assertIn(f'cpumodeld: {self.file}:2: there is no key "Connectoins"', done.stderr)
        self.assertIn('did you mean "Connections"?', done.stderr)
        self.assertIn(f"cpumodeld: {self.file}:4: SocketMode=", done.stderr)

    def test_quietly_says_what_is_wrong_and_no_more(self):
        self.assertEqual(self.check("--quiet").stdout, "")
        self.write("[Limits]", "Connectoins=7")
        done = self.check("--quiet")
        self.assertEqual(done.returncode, BAD_CONFIGURATION)
        self.assertIn(f"{self.file}:2: ", done.stderr)

    def test_looks_at_the_models_too(self):
        models = self.directory / "models"
        models.mkdir()
        self.write("[Model]", "Name=Mine", "Extends=Nobody", file=models / "Mine.cpumodel")
        command = [binary("cpumodeld"), "--check-config", "--config", str(self.file), "--models", str(models)]
        done = subprocess.run(command, capture_output=True, timeout=30, text=True, check=False)
        self.assertEqual(done.returncode, BAD_CONFIGURATION)
        self.assertIn(f"{models}/Mine.cpumodel:", done.stderr)

    def test_a_daemon_does_not_start_with_what_is_wrong(self):
        self.write("[Daemon]", "Sokcet=/tmp/x")
        command = [binary("cpumodeld"), "--config", str(self.file)]
        done = subprocess.run(command, capture_output=True, timeout=30, text=True, check=False)
        self.assertEqual(done.returncode, BAD_CONFIGURATION)
        self.assertIn(f"{self.file}:2: ", done.stderr)

    def test_a_file_that_was_named_must_be_there(self):
        self.file.unlink()
        done = self.check()
        self.assertEqual(done.returncode, BAD_CONFIGURATION)
        self.assertIn(str(self.file), done.stderr)


class Reload(ConfigCase):
    """One daemon, told to read its files anew, and what the service manager hears of it."""

    def start(self, *options):
        self.daemon = Daemon("--config", str(self.file), "--log", "stderr", *options).start()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        # The place where it still sends what it has to tell.
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.daemon.directory / "notify.sock"))

    def reload(self):
        """Has the files read anew; returns the status text behind it."""
        self.daemon.process.send_signal(signal.SIGHUP)
        beginning = self.hear()
        self.assertEqual(beginning.get("RELOADING"), "1")
        self.assertGreater(int(beginning["MONOTONIC_USEC"]), 0)
        end = self.hear()
        self.assertEqual(end.get("READY"), "1")
        return end["STATUS"]

    def hear(self):
        self.assertTrue(select.select([self.manager], [], [], 20)[0], "the service manager hears nothing")
        return dict(line.split("=", 1) for line in self.manager.recv(65536).decode().splitlines())

    def test_limits_change(self):
        self.start()
        first = self.daemon.connect()
        self.addCleanup(first.close)
        first.call("daemon.status")
        self.write("[Limits]", "Connections=1")
        self.assertIn("Serving", self.reload())
        self.assertIn("[Limits] Connections=", self.daemon.log())
        with self.daemon.connect() as second:
            message, _ = second.receive()
            self.assertEqual(cpumodel.RPCError(message["error"]).kind, "limitExceeded")
        first.call("daemon.status")
        self.write()
        self.reload()
        with self.daemon.connect() as second:
            second.call("daemon.status")

    def test_what_is_wrong_changes_nothing(self):
        self.start()
        self.write("[Limits]", "Connections=1", "MessageSize=x")
        status = self.reload()
        self.assertIn(f"{self.file}:3", status)
        self.assertIn("old configuration", status)
        self.assertIn("reload-failed", self.daemon.log())
        with self.daemon.connect() as first, self.daemon.connect() as second:
            first.call("daemon.status")
            second.call("daemon.status")

    def test_bad_models_keep_the_configuration_too(self):
        models = self.directory / "models"
        shutil.copytree(MODELS, models)
        self.start("--models", str(models))
        self.write("[Limits]", "Connections=1")
        self.write("[Model]", "Name=Mine", "Extends=Nobody", file=models / "Mine.cpumodel")
        self.assertIn("Mine.cpumodel:", self.reload())
        with self.daemon.connect() as first, self.daemon.connect() as second:
            first.call("daemon.status")
            second.call("daemon.status")
        (models / "Mine.cpumodel").write_text("[Model]\nName=Mine\nExtends=EPYC\n")
        self.assertIn("Serving", self.reload())
        with self.daemon.connect() as client:
            self.assertEqual(client.call("model.show", {"model": "Mine"})["name"], "Mine-v1")

    def test_what_needs_a_restart_is_told(self):
        self.start()
        self.write("[Daemon]", "SocketMode=0600", "OwnerDeadlineSec=3s")
        self.reload()
        self.assertRegex(self.daemon.log(), r"restart-needed: .*\[Daemon\] SocketMode=")
        self.assertRegex(self.daemon.log(), r"reloaded: .*Changed: \[Daemon\] OwnerDeadlineSec=")
        self.assertEqual(os.stat(self.daemon.socket_path).st_mode & 0o777, 0o660)

    def test_many_signals_at_once(self):
        self.start()
        for connections in (900, 800, 1):
            self.write("[Limits]", f"Connections={connections}")
            self.daemon.process.send_signal(signal.SIGHUP)
        # Whatever was read in between, the last file is in force at the end.
        deadline = time.monotonic() + 20
        with self.daemon.connect() as first:
            first.call("daemon.status")
            while self.is_served():
                self.assertLess(time.monotonic(), deadline, "the last file is not in force")
                time.sleep(0.05)

    def is_served(self):
        with self.daemon.connect() as client:
            try:
                client.call("daemon.status")
                return True
            except (cpumodel.RPCError, cpumodel.ConnectionClosed, OSError, AssertionError):
                return False
