# SPDX-License-Identifier: Apache-2.0
"""A journald that is gone, comes back, or does not read; and a standard error that nobody reads: nobody waits for them."""

import os
import re
import socket
import struct

from faults import FaultCase, needs_root

EVENTS = 300  # more than the queue of any socket: net.unix.max_dgram_qlen


class EventCase(FaultCase):
    def cause_events(self, count=1, model="host"):
        """Each is a vm-refused, with a reason."""
        with self.daemon.connect() as client, open(os.devnull, "rb") as file:
            for _ in range(count):
                with self.fails("badDescriptor", "hostUnavailable"):
                    client.call("vm.apply", {"name": "bad", "model": model}, [file.fileno()])


@needs_root
class Journal(EventCase):
    def setUp(self):
        super().setUp()
        (self.directory / "journal").mkdir()
        self.run_in(
            "mount -t tmpfs none /run", "mkdir -p /run/systemd/journal",
            f"mount --bind {self.directory}/journal /run/systemd/journal",
        )  # fmt: skip

    def listen(self):
        journald = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(journald.close)
        journald.bind(str(self.directory / "journal/socket"))
        journald.settimeout(20)
        return journald

    @staticmethod
    def fields(datagram):
        """Of an entry, by systemd's Native Journal Protocol."""
        fields, rest = {}, datagram
        while rest:
            line, _, rest = rest.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                (length,) = struct.unpack_from("<Q", rest)
                value, end, rest = rest[8 : 8 + length], rest[8 + length : 9 + length], rest[9 + length :]
                assert end == b"\n", datagram
            fields[name.decode()] = value.decode()
        return fields

    def next(self, journald, event):
        while True:
            fields = self.fields(journald.recv(1 << 18))
            if fields["CPUMODELD_EVENT"] == event:
                return fields

    def test_entries_are_whole(self):
        journald = self.listen()
        self.start("--log", "auto")
        self.assertEqual(self.next(journald, "ready")["PRIORITY"], "6")
        self.cause_events(model="a\nMESSAGE=b\n\n=c")
        entry = self.next(journald, "vm-refused")
        while entry["CPUMODELD_VM"] != "bad":
            entry = self.next(journald, "vm-refused")
        self.assertEqual(entry["CPUMODELD_MODEL"], "a\nMESSAGE=b\n\n=c")
        self.assertEqual((entry["SYSLOG_IDENTIFIER"], entry["CPUMODELD_PEER_PID"]), ("cpumodeld", str(os.getpid())))
        self.assertRegex(entry["MESSAGE_ID"], "^[0-9a-f]{32}$")
        self.assertEqual(self.log_since(), "")

    def test_journald_that_does_not_read_keeps_nobody_waiting(self):
        journald = self.listen()
        self.start("--log", "journal")
        self.cause_events(EVENTS)
        self.check_serves()
        journald.setblocking(False)
        read = 0
        try:
            while True:
                journald.recv(1 << 18)
                read += 1
        except BlockingIOError:
            pass
        journald.settimeout(20)
        # Now it reads again, and is told first how many events it has not got.
        self.cause_events()
        lost = self.fields(journald.recv(1 << 18))
        self.assertEqual(lost["CPUMODELD_EVENT"], "events-lost")
        self.assertGreater(int(lost["CPUMODELD_LOST"]) + read, EVENTS)
        self.assertEqual(self.fields(journald.recv(1 << 18))["CPUMODELD_EVENT"], "vm-refused")
        self.note(f"{read} taken, {lost['CPUMODELD_LOST']} lost")
        self.check_is_as_before()

    def test_events_are_on_stderr_while_there_is_no_journald(self):
        self.start("--log", "journal")
        self.assertIn("cpumodeld: ready: ", self.log_since())
        for _ in range(2):
            journald = self.listen()
            mark = len(self.log_since())
            self.cause_events()
            self.next(journald, "vm-refused")
            self.assertEqual(self.log_since(mark), "")
            # It dies, and leaves its socket behind; then that goes too.
            journald.close()
            self.cause_events()
            os.unlink(self.directory / "journal/socket")
            self.cause_events()
            self.assertEqual(len(re.findall("^cpumodeld: vm-refused: ", self.log_since(mark), re.M)), 2)
        self.check_serves()
        self.check_is_as_before()


class StandardError(EventCase):
    def test_reader_that_does_not_read_keeps_nobody_waiting(self):
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.wrap(f'exec 2> "{pipe}"')
        self.start("--log", "stderr")
        self.cause_events(700)  # 100 bytes or more each; a pipe takes 64 KiB
        self.check_serves()
        self.assertIn(b"cpumodeld: ready: ", self.read(reader))
        self.cause_events()
        said = self.read(reader).decode()
        lost = re.search(r"^cpumodeld: events-lost: .* \[LOST=(\d+)\]\ncpumodeld: vm-refused: ", said, re.M)
        self.assertIsNotNone(lost, said)
        self.note(f"{lost[1]} lost")
        self.check_is_as_before()

    @staticmethod
    def read(reader):
        data = b""
        try:
            while True:
                data += os.read(reader, 1 << 16)
        except BlockingIOError:
            return data
