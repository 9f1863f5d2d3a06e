# SPDX-License-Identifier: Apache-2.0
"""The daemon as a process: how it starts, how it ends, and what it leaves behind."""

import contextlib
import os
import signal
import subprocess
import time
import unittest

import cpumodel
import kvm
from cases import needs_kvm
from harness import Daemon, binary

ENDS_WITHIN = 5.0


class Lifecycle(unittest.TestCase):
    """Daemons of their own. That READY=1 is sent, each start of the harness shows."""

    def daemon(self, *options):
        daemon = Daemon(*options)
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        return daemon

    def check_ends(self, daemon, number):
        started = time.monotonic()
        daemon.process.send_signal(number)
        self.assertEqual(daemon.process.wait(ENDS_WITHIN * 2), 0)
        self.assertLess(time.monotonic() - started, ENDS_WITHIN)

    def test_ends_on_sigterm(self):
        self.check_ends(self.daemon().start(), signal.SIGTERM)

    def test_ends_on_sigint(self):
        self.check_ends(self.daemon().start(), signal.SIGINT)

    def test_ends_with_open_connections(self):
        daemon = self.daemon().start()
        with daemon.connect() as client, daemon.connect(query=True) as other:
            client.call("daemon.status")
            other.socket.send(b'{"jsonrpc":"2.0",')
            self.check_ends(daemon, signal.SIGTERM)
            with self.assertRaises(cpumodel.ConnectionClosed):
                client.receive()

    @needs_kvm
    def test_ends_while_an_owner_is_at_work(self):
        daemon = self.daemon().start()
        with contextlib.closing(kvm.VM(2)) as vm, daemon.connect() as client:
            client.start("vm.apply", {"name": "web-1", "model": "host"}, vm.vcpus)
            message, fds = client.receive()
            cpumodel.close_all(fds)
            self.assertEqual(message["method"], "owner.execute")
            self.check_ends(daemon, signal.SIGTERM)

    def test_starts_over_the_sockets_of_a_killed_one(self):
        daemon = self.daemon().start()
        daemon.process.kill()
        daemon.process.wait()
        self.assertTrue(os.path.exists(daemon.socket_path))
        daemon.start()
        with daemon.connect() as client:
            client.call("daemon.status")

    def test_does_not_take_the_sockets_of_a_living_one(self):
        daemon = self.daemon().start()
        arguments = [binary("cpumodeld"), "--socket", daemon.socket_path, "--query-socket", daemon.query_path]
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        done = subprocess.run(arguments, env=environment, capture_output=True, timeout=20, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(daemon.socket_path, done.stderr)
        with daemon.connect() as client:
            self.assertEqual(client.call("daemon.status")["pid"], daemon.process.pid)

    def test_wrong_options_are_told(self):
        for arguments in (["--no-such-option"], ["--owner-deadline-ms", "soon"], ["--owner-deadline-ms", "-1"]):
            command = [binary("cpumodeld"), *arguments]
            done = subprocess.run(command, capture_output=True, timeout=20, text=True, check=False)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(arguments[0], done.stderr)

    def test_launchers_socket_is_not_open_to_all(self):
        daemon = self.daemon().start()
        self.assertEqual(os.stat(daemon.socket_path).st_mode & 0o002, 0)

    def test_many_connections(self):
        daemon = self.daemon().start()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(daemon.connect()) for _ in range(200)]
            for client in clients:
                client.call("daemon.status")
