# SPDX-License-Identifier: Apache-2.0
"""cpumodel-launch against a daemon: exit statuses, what its guest sees, and its bad manners."""

import json
import subprocess

from cases import CODES, DaemonCase, needs_kvm
from harness import PATIENCE, binary

APPLIED, REFUSED, USAGE, FAULT, GUEST_CANNOT_RUN = 0, 1, 2, 3, 5
DEADLINE_MS = int(500 * PATIENCE)


class LaunchCase(DaemonCase):
    """Runs cpumodel-launch."""

    options = ("--owner-deadline-ms", str(DEADLINE_MS))

    def launch(self, *arguments, timeout=30):
        """Exit status and the JSON object of one run."""
        command = [binary("cpumodel-launch"), "--socket", self.daemon.socket_path, "--json", *arguments]
        done = subprocess.run(command, capture_output=True, timeout=timeout, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    def launched(self, *arguments):
        """The object of a run that must apply its model."""
        status, report = self.launch("--altered", "accept", *arguments)
        if status == GUEST_CANNOT_RUN:
            self.note(f"the guest could not run: {report['guest']['failure']}")
        else:
            self.assertEqual(status, APPLIED, report)
        self.note(report["result"]["verdict"])
        return report


@needs_kvm
class Launch(LaunchCase):
    """A launcher that behaves."""

    def test_guest_sees_the_table(self):
        report = self.launched("--vcpus", "2")
        if report["guest"]["failure"] is None:
            self.assertGreater(report["guest"]["answers"], 0)
            self.assertEqual(report["guest"]["surprises"], [])
            self.note(f"{report['guest']['mode']} guest")

    def test_many_vcpus(self):
        report = self.launched("--vcpus", "300", "--no-run")
        self.assertEqual(len(report["result"]["vcpus"]), 300)

    def test_topology(self):
        report = self.launched("--topology", "2:1:1:3:2")
        ids = [vcpu["apicId"] for vcpu in report["result"]["vcpus"]]
        self.assertEqual(ids, [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13])

    def test_name_and_model(self):
        report = self.launched("--name", "web-1", "--model", "EPYC-Milan-v2,-svm", "--unavailable", "drop")
        result = report["result"]
        self.assertEqual((result["vm"], result["expression"]), ("web-1", "EPYC-Milan-v2,-svm"))

    def test_its_stamp_is_that_of_another_client(self):
        report = self.launched("--vcpus", "2", "--model", "EPYC-Milan", "--unavailable", "drop", "--no-run")
        result = self.apply(self.make_vm(2), model="EPYC-Milan", unavailable="drop")
        self.assertEqual(report["result"]["stamp"], result["stamp"])

    def test_further_parameters(self):
        parameters = {"tscKHz": 2_100_000, "caches": "none"}
        model = ("--model", "EPYC-Milan", "--unavailable", "drop", "--no-run")
        report = self.launched(*model, "--parameters", json.dumps(parameters))
        result = self.apply(self.make_vm(), model="EPYC-Milan", unavailable="drop", **parameters)
        self.assertEqual(report["result"]["stamp"], result["stamp"])
        self.assertNotEqual(report["result"]["stamp"], self.launched(*model)["result"]["stamp"])
        for wrong in ("[]", "{", '{"tscKhz":1}', '{"model":"host"}'):
            status, _ = self.launch(*model, "--parameters", wrong)
            self.assertIn(status, (REFUSED, FAULT), wrong)

    def test_first_of_several_models(self):
        report = self.launched("--first-of", "No-Such-Model,host", "--no-run")
        self.assertEqual(report["result"]["expression"], "host")

    def test_registered_while_it_lives(self):
        command = [binary("cpumodel-launch"), "--socket", self.daemon.socket_path, "--name", "held"]
        with subprocess.Popen([*command, "--altered", "accept", "--hold", "60"], stdout=subprocess.DEVNULL) as process:
            try:
                self.eventually(lambda: "held" in self.registered(), "the VM is not listed", 10)
            finally:
                process.kill()
        self.eventually(lambda: "held" not in self.registered(), "the VM is still listed", 2)

    def test_unknown_model_is_refused(self):
        status, report = self.launch("--model", "EPYC-Milano")
        self.assertEqual((status, report["error"]["kind"]), (REFUSED, "unknownModel"))

    def test_altered_fail(self):
        status, report = self.launch("--vcpus", "2")
        if status == REFUSED:
            self.assertEqual((report["error"]["kind"], report["error"]["data"]["restored"]), ("altered", True))
            self.note("altered")
        else:
            self.assertIn(status, (APPLIED, GUEST_CANNOT_RUN))
            self.assertIn(report["result"]["verdict"], ("exact", "runtime"))
            self.note(report["result"]["verdict"])

    def test_usage(self):
        self.assertEqual(self.launch("--no-such-option")[0], USAGE)
        self.assertEqual(self.launch("--vcpus", "none")[0], USAGE)
        self.assertEqual(self.launch("--guest", "dances")[0], USAGE)

    def test_no_daemon(self):
        command = [binary("cpumodel-launch"), "--socket", str(self.daemon.directory / "no-such.sock")]
        done = subprocess.run(command, capture_output=True, timeout=30, text=True, check=False)
        self.assertEqual(done.returncode, FAULT)
        self.assertIn("no-such.sock", done.stdout + done.stderr)


@needs_kvm
class Toggling(LaunchCase):
    """A guest that changes what its CPUID follows."""

    OSXSAVE, APIC = 1 << 27, 1 << 9  # of leaf 1, ECX and EDX

    def steps(self, *arguments, commands=""):
        """Exit status and what the guest reported after each step."""
        command = [binary("cpumodel-launch"), "--socket", self.daemon.socket_path, "--json", "--altered", "accept"]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, timeout=30, text=True, check=False, input=commands
        )
        report, *steps = map(json.loads, done.stdout.splitlines())
        if done.returncode == GUEST_CANNOT_RUN and not steps:
            self.skipTest(f"the guest could not run: {report['guest']['failure']}")
        return done.returncode, steps

    @staticmethod
    def leaf(step, number, register, source="guest"):
        return next(int(one[source][register], 16) for one in step["cpuid"] if int(one["leaf"], 16) == number)

    def test_toggles_of_itself(self):
        status, steps = self.steps("--guest", "toggle")
        self.assertEqual(status, APPLIED, steps)
        by_name = {step["step"]: step for step in steps}
        self.assertEqual([step for step in steps if step["failure"] or step["surprises"]], [])
        self.assertEqual(self.leaf(by_name["apic off"], 1, "edx") & self.APIC, 0)
        self.assertEqual(self.leaf(by_name["apic on"], 1, "edx") & self.APIC, self.APIC)
        if "osxsave on" not in by_name:
            self.note("no XSAVE")
            return
        self.assertEqual(self.leaf(by_name["osxsave on"], 1, "ecx") & self.OSXSAVE, self.OSXSAVE)
        self.assertEqual(self.leaf(by_name["osxsave off"], 1, "ecx") & self.OSXSAVE, 0)
        for one in by_name["xcr0 model"]["cpuid"]:
            if one["leaf"] == "0x0000000d" and one["subleaf"] == "0x0":  # now the most that XSAVE can need
                self.assertEqual(one["guest"]["ebx"], one["guest"]["ecx"])
        self.note(", ".join(sorted({step["note"] for step in steps if step["note"]})) or f"{len(steps)} steps")

    def test_does_as_it_is_asked(self):
        commands = "look\napic off\nstep\nfly\napic on\nquit\nlook\n"
        status, steps = self.steps("--guest", "ask", commands=commands)
        self.assertEqual(status, APPLIED, steps)
        self.assertEqual([step["step"] for step in steps], ["look", "apic off", "look", "fly", "apic on"])
        apics = [bool(self.leaf(step, 1, "edx") & self.APIC) for step in steps]
        self.assertEqual(apics, [True, False, False, False, True])
        self.assertIn("expected step, look", steps[3]["failure"])

    def test_steps_begin_anew(self):
        _, round_trip = self.steps("--guest", "toggle")
        names = [step["step"] for step in round_trip]
        _, steps = self.steps("--guest", "ask", commands="step\n" * (len(names) + 1))
        self.assertEqual([step["step"] for step in steps], [*names, names[0]])

    def test_xcr0_needs_osxsave(self):
        _, steps = self.steps("--guest", "ask", commands="xcr0 1\n")
        self.assertRegex(steps[0]["failure"], "osxsave on|no such feature")

    def test_an_exception_ends_it(self):
        status, steps = self.steps("--guest", "ask", commands="osxsave on\nxcr0 0\nlook\n")
        if steps[0]["failure"]:
            self.skipTest("no XSAVE")
        self.assertEqual(status, GUEST_CANNOT_RUN)
        self.assertEqual(len(steps), 2, "it ran on after a shutdown")
        self.assertIn("shut down", steps[1]["failure"])


@needs_kvm
class Misbehaving(LaunchCase):
    """A launcher of bad manners, written in another language than the other tests' clients."""

    def misbehave(self, mode, statuses, *kinds):
        status, report = self.launch("--altered", "accept", "--no-run", "--name", "bad", "--misbehave", mode)
        self.assertIn(status, statuses, report)
        if report and "error" in report:
            self.assertIn(report["error"]["kind"], kinds)
            self.assertEqual(report["error"]["code"], CODES[report["error"]["kind"]])
            self.note(report["error"]["kind"])
        self.check_daemon()

    def check_daemon(self):
        """Nothing is left, and the name can be had again."""
        self.check_nothing_is_registered()
        self.check_descriptors_are_as_before()
        self.launched("--no-run", "--name", "bad")
        self.check_nothing_is_registered()

    def check_nothing_is_registered(self):
        self.eventually(lambda: self.registered() == set(), "a VM is registered")

    def test_dies(self):
        for mode in ("die-before-execute", "die-during-execute", "die-after-execute"):
            self.misbehave(mode, (-9, 137))

    def test_never_answers(self):
        with self.assertRaises(subprocess.TimeoutExpired):
            self.launch("--altered", "accept", "--no-run", "--name", "bad", "--misbehave", "never-answer", timeout=2)
        self.check_daemon()

    def test_answers_late(self):
        self.misbehave("late-answer", (REFUSED, FAULT), "ownerDeadline")

    def test_scribbles(self):
        self.misbehave("scribble-results", (REFUSED, FAULT), "ownerFault")

    def test_answers_with_an_error(self):
        self.misbehave("error-answer", (REFUSED, FAULT), "ownerFault")

    def test_says_a_wrong_count(self):
        self.misbehave("wrong-count", (REFUSED, FAULT), "ownerFault")

    def test_executes_twice(self):
        self.misbehave("execute-twice", (APPLIED, REFUSED, FAULT), "refused", "ownerFault")

    def test_answers_with_bytes_that_are_no_json(self):
        status, report = self.launch("--altered", "accept", "--no-run", "--misbehave", "garbage-answer")
        self.assertEqual((status, report["error"]["code"]), (FAULT, -32700))
        self.check_daemon()
