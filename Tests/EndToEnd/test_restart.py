# SPDX-License-Identifier: Apache-2.0
"""The daemon is restarted or killed: it knows the VMs that live, forgets those that have ended, and nothing stops it."""

import json
import os
import socket

from cases import needs_kvm
from harness import PATIENCE, Daemon
from test_caps import launch
from test_verify import VerifyCase

WAYS = ("stop", "kill")


class RestartCase(VerifyCase):
    def restart(self, way="kill", meanwhile=lambda: None):
        """Ends the daemon, does something, and starts it again."""
        if getattr(self.daemon, way)() not in (0, None):
            self.fail(f"cpumodeld ended badly:\n{self.daemon.log()}")
        meanwhile()
        self.daemon.start()

    def path(self, name):
        return self.daemon.directory / "vms" / f"{name}.json"

    def edit(self, name, **members):
        """Changes members of a VM's file."""
        document = json.loads(self.path(name).read_text())
        document.update(members)
        self.path(name).write_text(json.dumps(document))

    def log_since(self, mark):
        return self.daemon.log_path.read_text(errors="replace")[mark:]

    def mark(self):
        return len(self.daemon.log_path.read_text(errors="replace"))

    def attached(self, owner):
        self.eventually(lambda: self.show(owner.name)["agent"], "the agent did not come back", 20 * PATIENCE)


@needs_kvm
class Restart(RestartCase):
    def test_living_vms_are_known_again(self):
        owners = [self.owner(vcpus=2), self.owner(agent=False), self.owner(vcpus=3, uuid=UUID)]
        before = self.vm_list()
        shown = {owner.name: self.show(owner.name) for owner in owners}
        for way in WAYS:
            with self.subTest(way=way):
                self.restart(way)
                self.assertEqual(self.vm_list(), before)
                for owner in owners:
                    now, then = self.show(owner.name), shown[owner.name]
                    self.assertTrue(now["restored"])
                    for changing in ("restored", "agent", "vcpusHeld"):
                        now.pop(changing)
                    self.assertEqual(now, {name: then[name] for name in now})

    def test_agents_bring_the_vcpus_back(self):
        owner, mute = self.owner(vcpus=3), self.owner(agent=False)
        for way in WAYS:
            with self.subTest(way=way):
                self.restart(way)
                self.attached(owner)
                self.assertTrue(self.show(owner.name)["vcpusHeld"])
                self.assertEqual(len(self.vcpu_descriptors()), 3)
                self.assertEqual(self.caps(owner, 2, deadlineMs=20000)["source"], "kernel")
                self.assertEqual(self.verify(owner)["outcome"], "asRecorded")
                self.assertEqual(self.caps(mute)["source"], "record")
                self.assertEqual(self.verify(mute)["outcome"], "unverifiable")

    def test_ended_meanwhile(self):
        owner, other = self.owner(), self.owner()
        for way in WAYS:
            with self.subTest(way=way):
                ends, mark = self.owner(), self.mark()
                self.restart(way, ends.kill)
                self.assertEqual(self.registered() & {owner.name, other.name, ends.name}, {owner.name, other.name})
                self.assertIn(f"VM {ends.name} is gone: its owner, process {ends.pid}, ended while", self.log_since(mark))
                self.eventually(lambda: not self.path(ends.name).exists(), "its file is still there")
        owner.kill()
        self.gone(owner.name)
        self.eventually(lambda: not self.path(owner.name).exists(), "its file is still there")

    def test_a_restored_vm_ends_with_its_owner(self):
        owner = self.owner(vcpus=2)
        self.restart()
        self.attached(owner)
        owner.kill()
        self.gone(owner.name)
        self.eventually(lambda: not self.vcpu_descriptors(), "a vCPU is still held")
        self.restart()
        self.assertNotIn(owner.name, self.registered())

    def test_a_name_can_be_replaced_and_forgotten_after_a_restart(self):
        owner = self.owner(agent=False)
        self.restart()
        vm = self.make_vm()
        params = {"name": owner.name, "model": "host", "altered": "accept"}
        with self.fails("nameInUse"):
            self.connect().call("vm.apply", params, vm.vcpus)
        result = self.connect().call("vm.apply", {**params, "replace": True}, vm.vcpus)
        self.restart()
        self.assertEqual(self.show(owner.name)["requestId"], result["requestId"])
        self.call("vm.forget", {"vm": owner.name})
        self.eventually(lambda: not self.path(owner.name).exists(), "its file is still there")
        self.restart()
        self.assertNotIn(owner.name, self.registered())

    def test_vcpus_join_after_a_restart(self):
        vm, name = self.make_vm(2), self.name()
        params = {"name": name, "model": "host", "altered": "accept"}
        self.connect().call("vm.apply", params, vm.vcpus[:1])
        self.addCleanup(self.forget, name)
        self.restart()
        self.connect().call("vm.apply", {**params, "join": True, "apicIds": [1]}, vm.vcpus[1:])
        self.restart()
        self.assertEqual([vcpu["vcpuId"] for vcpu in self.show(name)["vcpus"]], [0, 1])

    def test_the_librarys_agent_comes_back(self):
        name, _ = launch(self, "--agent", "--vcpus", "4", "--no-run")
        for way in WAYS:
            with self.subTest(way=way):
                self.restart(way)
                self.eventually(lambda: self.show(name)["agent"], "the agent did not come back", 20 * PATIENCE)
                answer = self.call("vm.caps", {"vm": name, "deadlineMs": 20000})
                self.assertEqual([vcpu["source"] for vcpu in answer["vcpus"]], ["kernel"] * 4)


@needs_kvm
class Files(RestartCase):
    def test_number_of_another_process_is_not_the_owner(self):
        owner, mark = self.owner(agent=False), self.mark()
        document = json.loads(self.path(owner.name).read_text())
        start = hex(int(document["owner"]["startTime"], 16) + 1)
        self.restart(meanwhile=lambda: self.edit(owner.name, owner={**document["owner"], "startTime": start}))
        self.assertNotIn(owner.name, self.registered())
        self.assertIn(f"VM {owner.name} is gone", self.log_since(mark))

    def test_an_earlier_boot_is_over(self):
        owner, other, mark = self.owner(agent=False), self.owner(agent=False), self.mark()
        self.restart(meanwhile=lambda: self.edit(owner.name, bootId="6d5c1f3a-0000-4000-8000-000000000000"))
        self.assertEqual(self.registered() & {owner.name, other.name}, {other.name})
        self.assertIn("1 were of an earlier boot", self.log_since(mark))
        self.eventually(lambda: not self.path(owner.name).exists(), "its file is still there")

    def test_broken_files_are_put_aside(self):
        owner, mark = self.owner(agent=False), self.mark()
        whole = self.path(owner.name).read_text()
        broken = {
            "empty": "", "half": whole[: len(whole) // 2], "bytes": "\0\x01{", "list": "[]", "object": "{}",
            "elsewhere": whole, "deep": "[" * 100000, "member": whole.replace('"name"', '"nome"'),
            "verdict": whole.replace('"verdict":"altered"', '"verdict":"great"').replace(owner.name, "verdict"),
        }  # fmt: skip

        def spoil():
            for name, text in broken.items():
                if text is not None:
                    self.path(name).write_text(text)
            (self.daemon.directory / "vms" / f".{owner.name}.json.123").write_text("half")
            (self.daemon.directory / "vms" / "notes.txt").write_text("not ours")
            with open(self.path("large"), "wb") as file:
                file.truncate((64 << 20) + 1)  # VMStateDocument.maximumSize

        broken["large"] = None
        self.restart(meanwhile=spoil)
        self.assertEqual(self.registered() & {owner.name, *broken}, {owner.name})
        expected = sorted([f"{name}.json.broken" for name in broken] + [f"{owner.name}.json", "notes.txt"])
        self.assertEqual([name for name in self.daemon.state_files() if name in expected], expected)
        self.assertFalse([name for name in self.daemon.state_files() if name.startswith(".")])
        log = self.log_since(mark)
        for name in broken:
            self.assertIn(f"{name}.json is not a VM that this cpumodeld can know again", log)
        mark = self.mark()
        self.restart()
        self.assertNotIn("can know again", self.log_since(mark))

    def test_a_newer_format_is_left_alone(self):
        owner, mark = self.owner(agent=False), self.mark()
        self.restart(meanwhile=lambda: self.edit(owner.name, version=2, owner="somebody"))
        self.assertNotIn(owner.name, self.registered())
        self.assertIn("it is of format 2", self.log_since(mark))
        self.assertEqual(json.loads(self.path(owner.name).read_text())["version"], 2)
        self.path(owner.name).unlink()

    def test_files_are_for_the_daemons_user_only(self):
        owner = self.owner(agent=False)
        self.assertEqual(self.path(owner.name).stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.path(owner.name).parent.stat().st_mode & 0o777, 0o700)


@needs_kvm
class KeptByTheServiceManager(RestartCase):
    """The pidfd of an owner is kept by the service manager, and tells more than its number."""

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)
        self.notify = None
        self.start()
        super().setUp()

    def start(self):
        """Starts the daemon anew with a socket on which it tells the service manager what to keep."""
        if self.notify:
            self.notify.close()
            (self.daemon.directory / "notify.sock").unlink()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.notify.settimeout(20)
        self.daemon.start(notify=self.notify)

    def told(self, first_line):
        """The name in the next message that begins so, and the descriptor that came with it."""
        while True:
            data, fds = self.daemon.heard.pop(0) if self.daemon.heard else socket.recv_fds(self.notify, 65536, 8)[:2]
            lines = data.decode().split("\n")
            if lines[0] == first_line:
                (name,) = [line.removeprefix("FDNAME=") for line in lines if line.startswith("FDNAME=")]
                return name, fds
            for fd in fds:
                os.close(fd)

    def test_pidfd_is_kept_and_believed(self):
        owner = self.owner(agent=False)
        name, (pidfd,) = self.told("FDSTORE=1")
        self.addCleanup(os.close, pidfd)
        self.assertEqual(name, f"owner-{owner.result['requestId']}")
        with open(f"/proc/self/fdinfo/{pidfd}", encoding="utf-8") as file:
            self.assertIn(f"Pid:\t{owner.pid}\n", file.read())
        # Nothing but the pidfd tells who the owner is.
        document = json.loads(self.path(owner.name).read_text())
        self.daemon.kill()
        self.edit(owner.name, owner={**document["owner"], "startTime": "0x1"})
        self.daemon.kept = {name: pidfd, "owner-of-nobody": pidfd}
        self.start()
        self.assertIn(owner.name, self.registered())
        self.assertEqual(self.told("FDSTOREREMOVE=1")[0], "owner-of-nobody")
        # And that it has ended, too.
        self.daemon.kill()
        owner.kill()
        self.start()
        self.assertNotIn(owner.name, self.registered())
        self.assertEqual(self.told("FDSTOREREMOVE=1")[0], name)

    def test_pidfd_is_given_up_with_the_vm_and_given_anew_after_a_stop(self):
        owner = self.owner(agent=False)
        name, fds = self.told("FDSTORE=1")
        os.close(*fds)
        self.daemon.stop()
        self.start()
        again, fds = self.told("FDSTORE=1")
        os.close(*fds)
        self.assertEqual(again, name)
        self.call("vm.forget", {"vm": owner.name})
        self.assertEqual(self.told("FDSTOREREMOVE=1")[0], name)


@needs_kvm
class WithoutState(VerifyCase):
    """Where VMs cannot be kept, they are served all the same, and the journal says so."""

    def daemon_with(self, *options):
        daemon = Daemon(*options)
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        return daemon.start()

    def apply_on(self, daemon):
        vm, name = self.make_vm(), self.name()
        with daemon.connect() as client:
            client.call("vm.apply", {"name": name, "model": "host", "altered": "accept"}, vm.vcpus)
            return [entry["vm"] for entry in client.call("vm.list")["vms"]] == [name]

    def test_none_is_wanted(self):
        daemon = self.daemon_with("--state", "")
        self.assertTrue(self.apply_on(daemon))
        self.assertNotIn("state-failed", daemon.log(100))
        daemon.kill()
        with daemon.start().connect() as client:
            self.assertEqual(client.call("vm.list")["vms"], [])

    def test_directory_of_another_daemon(self):
        daemon = self.daemon_with("--state", str(self.daemon.directory / "vms"))
        self.assertTrue(self.apply_on(daemon))
        self.assertIn("another cpumodeld keeps its VMs in", daemon.log(100))

    def test_directory_that_cannot_be(self):
        daemon = self.daemon_with("--state", "/proc/no/such")
        self.assertTrue(self.apply_on(daemon))
        self.assertIn("state-failed", daemon.log(100))

    def test_directory_that_goes_away(self):
        daemon = self.daemon_with()
        os.rename(daemon.directory / "vms", daemon.directory / "elsewhere")
        self.assertTrue(self.apply_on(daemon))
        self.assertIn("would be lost with a restart", daemon.log(100))


UUID = "0f3c6a52-9d1e-4b7a-8c24-5e6f70819203"
