# SPDX-License-Identifier: Apache-2.0
"""Lines that are no JSON-RPC, and lines that are but seldom: batches, notifications, a thousand at once."""

import contextlib
import json
import os
import socket
import tempfile

from cases import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, BadInputCase

# Configured, so that a line at the limit is no matter of seconds on a slow machine.
LINE_LIMIT, NESTING_LIMIT = 1 << 20, 64


class BadBytes(BadInputCase):
    """Lines that are no JSON-RPC."""

    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
            file.write("[Limits]\nMessageSize=1M\n")
        cls.addClassCleanup(os.unlink, file.name)
        cls.options = ("--config", file.name)
        super().setUpClass()

    def check_line(self, line, *codes):
        client = self.connect()
        client.send_bytes(line + b"\n")
        request_id, _ = self.check_answer(client, *codes)
        self.check_alive(client)
        return request_id

    def test_not_json(self):
        self.assertIsNone(self.check_line(b"hello", PARSE_ERROR))

    def test_numbers_that_are_not_json(self):
        for number in (b"NaN", b"01", b"1.", b"+1", b"0x10", b".5", b"1e"):
            self.check_line(b'{"jsonrpc":"2.0","id":%s,"method":"daemon.status"}' % number, PARSE_ERROR)

    def test_not_utf8(self):
        for text in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            self.check_line(b'{"jsonrpc":"2.0","id":1,"method":"%s"}' % text, PARSE_ERROR)

    def test_lone_surrogate(self):
        self.check_line(rb'{"jsonrpc":"2.0","id":1,"method":"\ud800"}', PARSE_ERROR)

    def test_member_given_twice(self):
        self.check_line(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"daemon.status"}', PARSE_ERROR, INVALID_REQUEST)

    def test_text_behind_the_value(self):
        self.check_line(b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"} {}', PARSE_ERROR)

    def nested(self, depth):
        return b'{"jsonrpc":"2.0","id":1,"method":"daemon.status","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    def test_nesting_beyond_the_limit(self):
        self.check_line(self.nested(NESTING_LIMIT + 1), PARSE_ERROR, INVALID_REQUEST, "limitExceeded")

    def test_very_deep_nesting(self):
        self.check_line(b"[" * 500_000, PARSE_ERROR, INVALID_REQUEST, "limitExceeded")

    def test_nesting_at_the_limit_is_read(self):
        client = self.connect()
        client.send_bytes(self.nested(NESTING_LIMIT) + b"\n")
        message, _ = client.receive()
        self.assertNotEqual(message.get("error", {}).get("code"), PARSE_ERROR)

    def test_oversized_line(self):
        client = self.connect()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.send_bytes(b'"' + b"x" * (LINE_LIMIT + 65536))
        self.check_answer(client, PARSE_ERROR, INVALID_REQUEST, "limitExceeded")
        self.check_closed(client)

    def test_line_just_below_the_limit(self):
        client = self.connect()
        line = b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}'
        client.send_bytes(line + b" " * (LINE_LIMIT - len(line) - 1) + b"\n")
        self.assertIn("result", client.receive()[0])

    def test_truncated_line(self):
        client = self.connect()
        client.send_bytes(b'{"jsonrpc":"2.0","id":1,"met')
        client.close()

    def test_empty_lines_are_ignored(self):
        client = self.connect()
        client.send_bytes(b"\n\n\n")
        self.check_alive(client)

    def test_not_a_request(self):
        old = b'{"jsonrpc":"1.0","id":1,"method":"daemon.status"}'
        for text in (b"1", b'"x"', b"null", b"true", b"{}", b'{"jsonrpc":"2.0"}', old):
            self.check_line(text, INVALID_REQUEST)

    def test_members_of_wrong_type(self):
        for text in (b'"method":1', b'"method":"daemon.status","params":[1]', b'"method":"daemon.status","params":"x"'):
            line = b'{"jsonrpc":"2.0","id":5,' + text + b"}"
            self.assertEqual(self.check_line(line, INVALID_REQUEST, INVALID_PARAMS), 5)

    def test_id_that_is_an_object(self):
        self.check_line(b'{"jsonrpc":"2.0","id":{},"method":"daemon.status"}', INVALID_REQUEST)

    def test_response_that_nobody_waits_for(self):
        client = self.connect()
        client.send({"jsonrpc": "2.0", "id": "job-99", "result": {"executed": 3}})
        client.send({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "I could not read that"}})
        self.check_alive(client)

    def test_ids_come_back_as_they_went(self):
        client = self.connect()
        for request_id in ("a", "ü\u0000\n", 0, -7, 2**53, ""):
            client.send({"jsonrpc": "2.0", "id": request_id, "method": "daemon.status"})
            self.assertEqual(client.receive()[0]["id"], request_id)


class Batches(BadInputCase):
    """JSON-RPC 2.0, section 6; and notifications, and many requests."""

    def exchange(self, batch):
        client = self.connect()
        client.send(batch)
        return client.receive()[0]

    def test_batch(self):
        methods = ("daemon.status", "model.list", "no.such.method")
        requests = [{"jsonrpc": "2.0", "id": i, "method": method} for i, method in enumerate(methods)]
        answers = {answer["id"]: answer for answer in self.exchange(requests)}
        self.assertEqual(sorted(answers), [0, 1, 2])
        self.assertEqual(["result" in answers[i] for i in range(3)], [True, True, False])

    def test_empty_batch(self):
        self.assertEqual(self.exchange([])["error"]["code"], INVALID_REQUEST)

    def test_batch_of_nonsense(self):
        answers = self.exchange([1, 2, 3])
        self.assertEqual([(answer["id"], answer["error"]["code"]) for answer in answers], [(None, INVALID_REQUEST)] * 3)

    def test_notification_in_a_batch_has_no_answer(self):
        batch = [{"jsonrpc": "2.0", "method": "daemon.status"}, {"jsonrpc": "2.0", "id": 1, "method": "daemon.status"}]
        self.assertEqual([answer["id"] for answer in self.exchange(batch)], [1])

    def test_notifications_have_no_answer(self):
        client = self.connect()
        client.send({"jsonrpc": "2.0", "method": "daemon.status"})
        client.send({"jsonrpc": "2.0", "method": "no.such.method"})
        client.send([{"jsonrpc": "2.0", "method": "daemon.status"}])
        client.send({"jsonrpc": "2.0", "id": "last", "method": "daemon.status"})
        self.assertEqual(client.receive()[0]["id"], "last")

    def test_1000_requests_pipelined(self):
        client = self.connect()
        requests = [json.dumps({"jsonrpc": "2.0", "id": i, "method": "vm.list"}).encode() for i in range(1000)]
        client.send_bytes(b"\n".join(requests) + b"\n")
        answered = sorted(client.receive()[0]["id"] for _ in requests)
        self.assertEqual(answered, list(range(1000)))

    def test_1000_requests_never_read(self):
        client = self.connect()
        client.socket.settimeout(2)
        with contextlib.suppress(TimeoutError, BrokenPipeError):  # a full pipe is the daemon's right
            client.socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"model.list"}\n' * 1000)
        self.check_alive(self.connect())
        client.close()

    def test_half_close(self):
        client = self.connect()
        client.send({"jsonrpc": "2.0", "id": 1, "method": "model.list"})
        client.socket.shutdown(socket.SHUT_WR)
        self.assertIn("result", client.receive()[0])
        self.check_closed(client)

    def test_request_a_byte_at_a_time(self):
        client = self.connect()
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n':
            client.socket.send(bytes((byte,)))
        self.assertIn("result", client.receive()[0])
