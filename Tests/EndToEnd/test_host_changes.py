# SPDX-License-Identifier: Apache-2.0
"""What changed in the host since the daemon ran before: the kept document is edited as another kernel would have left it."""

import json
import tempfile
import unittest

import kvm
import vmm
from cases import needs_kvm
from harness import Daemon
from owners import Owner
from test_ctl import ANSWERED, NO, ctl

KVM_SIGNATURE = (0x4B4D564B, 0x564B4D56, 0x4D)
EXT_DEST_ID = 15  # kvm-msi-ext-dest-id, which KVM itself never offers


@needs_kvm
class HostChanges(unittest.TestCase):
    def setUp(self):
        self.notes = []
        directory = tempfile.TemporaryDirectory(prefix="cpumodeld-state-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = f"{self.directory}/host.json"
        self.daemon = None

    def run_daemon(self):
        """A further run of the daemon on the same state directory."""
        if self.daemon:
            self.assertEqual(self.daemon.stop(), 0)
        self.daemon = Daemon("--history", self.directory).start()
        self.addCleanup(self.daemon.remove)
        self.addCleanup(self.daemon.stop)

    def status(self, **params):
        with self.daemon.connect(query=True) as client:
            return client.call("daemon.status", params)

    def kept(self):
        with open(self.path, encoding="utf-8") as file:
            return json.load(file)

    def keep(self, document):
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(document, file)

    def ctl(self, *arguments, status=ANSWERED):
        done = ctl(*arguments, "--socket", self.daemon.query_path)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    @staticmethod
    def entry(host, leaf, subleaf=0):
        for each in host["supportedCPUID"]:
            if int(each["leaf"], 16) == leaf and int(each.get("subleaf", "0"), 16) == subleaf:
                return each
        raise AssertionError(f"the host has no leaf {leaf:#x}")

    @staticmethod
    def flip(entry, register, bit):
        entry[register] = f"{int(entry[register], 16) ^ 1 << bit:#010x}"

    def test_nothing_has_changed(self):
        self.run_daemon()
        first = self.kept()
        self.assertEqual(first["format"], "cpumodeld-host-history-1")
        self.run_daemon()
        self.assertEqual((self.kept()["host"], self.kept()["since"]), (first["host"], first["since"]))
        self.assertFalse(self.status()["hostChanged"])
        self.assertNotIn("hostChanges", self.status(changes=True))
        self.assertNotIn("host-", self.daemon.log())
        self.assertIn("has not changed", self.ctl("host", "--changes"))
        self.assertEqual(json.loads(self.ctl("host", "--changes", "--json")), None)

    def older_kernel(self, document):
        """The document as an older kernel would have left it: with a feature that is gone now, without one that came."""
        host = document["host"]
        host["kernel"], host["microcode"] = "5.10.0-8-amd64", "0x00000001"
        leaf7 = self.entry(host, 7)
        lost = next(bit for bit in (4, 11, 14, 16, 25) if not int(leaf7["ebx"], 16) >> bit & 1)
        gained = next(bit for bit in (5, 8, 18, 23, 24) if int(leaf7["ebx"], 16) >> bit & 1)
        self.flip(leaf7, "ebx", lost)
        self.flip(leaf7, "ebx", gained)
        host["featureMSRs"]["0x345"] = "0x0000000000001234"
        host["capabilities"]["MAX_VCPUS"] = 7
        names = {4: "hle", 5: "avx2", 8: "bmi2", 11: "rtm", 14: "mpx", 16: "avx512f", 18: "rdseed"}
        names |= {23: "clflushopt", 24: "clwb", 25: "intel-pt"}
        return names[lost], names[gained]

    def test_what_another_kernel_has_taken_and_given(self):
        self.run_daemon()
        document, now = self.kept(), self.kept()["host"]
        lost, gained = self.older_kernel(document)
        self.keep(document)
        self.run_daemon()
        self.assertTrue(self.status()["hostChanged"])
        changes = self.status(changes=True)["hostChanges"]
        identity = {change["what"]: change for change in changes["identity"]}
        self.assertEqual(identity["kernel"], {"what": "kernel", "before": "5.10.0-8-amd64", "now": now["kernel"]})
        self.assertEqual(identity["microcode"]["before"], "0x1")
        self.assertIn(lost, changes["lost"])
        self.assertIn(gained, changes["gained"])
        msrs = {change["msr"]: change for change in changes["msrs"]}
        self.assertEqual(msrs["0x345"]["before"], "0x0000000000001234")
        capabilities = {change["name"]: change for change in changes["capabilities"]}
        self.assertEqual(capabilities["MAX_VCPUS"]["before"], 7)
        self.assertEqual(changes["lastSeenAt"], document["lastSeenAt"])
        # It is told once, when it is found; and asked for as long as it is the last change.
        self.assertIn("host-lost: ", self.daemon.log())
        self.assertIn(lost, self.daemon.log())
        text = self.ctl("host", "--changes", status=NO)
        self.assertRegex(text, r"kernel +\S+, before 5\.10\.0-8-amd64")
        self.assertRegex(text, rf"(?s)features? that guests cannot have any more.*{lost}")
        self.assertEqual(json.loads(self.ctl("host", "--changes", "--json", status=NO)), changes)
        self.assertIn("host --changes", self.ctl("status"))
        self.run_daemon()
        self.assertEqual(self.status(changes=True)["hostChanges"], changes)
        self.assertNotIn("host-lost: ", self.daemon.log())

    def test_vms_that_it_concerns(self):
        self.run_daemon()
        document = self.kept()
        features = self.entry(document["host"], 0x40000001)
        self.assertFalse(int(features["eax"], 16) >> EXT_DEST_ID & 1)
        self.flip(features, "eax", EXT_DEST_ID)
        self.keep(document)
        self.run_daemon()
        table = vmm.own_table(0)
        table.append(kvm.Entry(0x40000000, 0, 0, 0x40000001, *KVM_SIGNATURE))
        eax = int(features["eax"], 16)
        table.append(kvm.Entry(0x40000001, 0, 0, eax, 0, 0, 0))
        with Owner(self.daemon, "stuck", agent=False, base=[kvm.to_json(table)]) as stuck, Owner(
            self.daemon, "free", agent=False
        ):
            self.assertTrue(stuck.entry(0x40000001).eax >> EXT_DEST_ID & 1)
            (vm,) = self.status(changes=True)["hostChanges"]["vms"]
            self.assertEqual((vm["vm"], len(vm["obstacles"])), ("stuck", 1))
            self.assertIn("kvm-msi-ext-dest-id", vm["obstacles"][0])
            text = self.ctl("host", "--changes", status=NO)
            self.assertIn("Cannot be brought here any more with their CPU: 1 VM", text)
            self.assertNotIn("free", text)

    def test_a_document_that_is_damaged_is_put_aside_and_told_once(self):
        self.run_daemon()
        first = self.kept()
        texts = "{", "[]", '{"format":"cpumodeld-host-history-1"}', json.dumps(first)[:-40], "x" * (2 << 20)
        for text in texts:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(text)
            self.run_daemon()
            self.assertIn(f"host-history-failed: What this host was like before is not known from {self.path}", self.daemon.log())
            with open(f"{self.path}.broken", encoding="utf-8") as file:
                self.assertEqual(file.read(), text)
            self.assertEqual(self.kept()["host"], first["host"])
            self.assertFalse(self.status()["hostChanged"])
            self.run_daemon()
            self.assertNotIn("host-", self.daemon.log())

    def test_a_document_of_a_newer_format_is_left_alone(self):
        self.run_daemon()
        self.keep({**self.kept(), "format": "cpumodeld-host-history-2"})
        for _ in range(2):
            self.run_daemon()
            self.assertIn("host-history-failed", self.daemon.log())
            self.assertIn("it is of format 2", self.daemon.log())
            self.assertEqual(self.kept()["format"], "cpumodeld-host-history-2")
            self.assertFalse(self.status()["hostChanged"])

    def test_without_a_state_directory_there_is_no_history(self):
        daemon = Daemon().start()
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        self.daemon = daemon
        self.assertFalse(self.status()["hostChanged"])
        self.assertEqual(daemon.stop(), 0)
        self.daemon = None
