# SPDX-License-Identifier: Apache-2.0
"""cpumodeld-inject: launchers that know nothing of owner.execute, in every situation that they can be found in.

The VM is in a process of its own each time, which checks itself and says at its end that it is well.
CPUMODELD_TORTURE=10000 is the long form of the torture.
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import kvm
from cases import CODES, DaemonCase, needs_kvm
from harness import PATIENCE, ROOT, Child, Daemon, binary

HERE = pathlib.Path(__file__).resolve().parent
TORTURE = int(os.environ.get("CPUMODELD_TORTURE", "300"))
COMPILER = shutil.which("cc")
SETPRIV = shutil.which("setpriv")
NOBODY = 65534
PTRACE_SEIZE = 0x4206


class Helper:
    """One cpumodeld-inject, with its socket in a directory of its own."""

    def __init__(self, *options, through=(), **popen):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-inject-"))
        os.chmod(self.directory, 0o777)
        self.path = str(self.directory / "inject.sock")
        command = [*through, binary("cpumodeld-inject"), "--socket", self.path, "--user", str(os.getuid()), *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **popen)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("cpumodeld-inject does not listen")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def only_capability():
    """How to start a helper with CAP_SYS_PTRACE and no other right."""
    if os.getuid() != 0 or not SETPRIV:
        raise unittest.SkipTest("needs root and setpriv")
    only = "-all,+sys_ptrace"
    return {
        "through": (
            SETPRIV, "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--no-new-privs",
            "--bounding-set", only, "--inh-caps", only, "--ambient-caps", only,
        )
    }  # fmt: skip


def start_daemon(case, *lines, daemon_lines=()):
    """A daemon whose configuration has these lines in the section of executors."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-"))
    file = directory / "cpumodeld.conf"
    file.write_text("\n".join(["[Daemon]", *daemon_lines, "[Executors]", *lines, ""]))
    daemon = Daemon("--config", str(file)).start()
    case.addClassCleanup(shutil.rmtree, directory)
    case.addClassCleanup(daemon.remove)
    case.addClassCleanup(daemon.stop)
    return daemon


@needs_kvm
class InjectCase(DaemonCase):
    helper_options = ()
    lines, daemon_lines = (), ()

    @classmethod
    def setUpClass(cls):
        cls.helper = Helper(*cls.helper_options, **cls.how())
        cls.addClassCleanup(cls.helper.stop)
        cls.daemon = start_daemon(
            cls, f"InjectSocket={cls.helper.path}", "InjectDeadlineSec=30s", *cls.lines, daemon_lines=cls.daemon_lines
        )

    @classmethod
    def tearDownClass(cls):
        pass

    @classmethod
    def how(cls):
        return {}

    def launch(self, situation, daemon=None, **params):
        """What a launcher in this situation says at its end."""
        params = {"executor": "inject", **params}
        done = subprocess.run(
            [sys.executable, str(HERE / "plain.py"), situation, (daemon or self.daemon).socket_path, json.dumps(params)],
            capture_output=True, text=True, timeout=50, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, f"the target did not live on: {done.stderr}")
        said = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(said["pending"], ["0000000000000000"] * 3, "signals pending or blocked")
        self.assertEqual(said["tracer"], 0)
        return said

    def check_applied(self, said, executor="inject"):
        self.assertIn("result", said["answer"], said["answer"])
        self.assertEqual(said["answer"]["result"]["executor"], executor)
        for index, table in enumerate(said.get("tables", ())):
            self.assertGreater(len(table), 5, "KVM has no table")
            self.check_apic_id([kvm.Entry(*entry) for entry in table], index)
        self.note(said["answer"]["result"]["verdict"])

    def check_refused(self, said, kind, *words):
        self.assertIn("error", said["answer"], said["answer"])
        error = said["answer"]["error"]
        self.assertEqual((error["data"]["kind"], error["code"]), (kind, CODES[kind]), error)
        for word in words:
            self.assertIn(word, error["message"])
        return error["data"]


class Inject(InjectCase):
    """Situations in which the ioctls can be made, and those in which they cannot."""

    def test_ten_lines(self):
        said = self.launch("plain")
        self.check_applied(said)
        self.assertEqual(len(said["tables"]), 4)

    def test_busy_loop(self):
        self.check_applied(self.launch("busy"))

    def test_threads_that_wait_do_not_notice(self):
        said = self.launch("threads")
        self.check_applied(said)
        self.assertEqual((said["faults"], said["early"]), ([], []))

    def test_vcpu_in_kvm_run(self):
        said = self.launch("in_kvm_run")
        self.check_applied(said)
        self.assertEqual(said["returned"], [], "KVM_RUN returned")

    def test_vcpu_that_has_run(self):
        said = self.launch("has_run")
        data = self.check_refused(said, "refused", "already run")
        self.assertTrue(data["restored"] and said["same"])

    def test_vcpus_of_another_process(self):
        self.check_refused(self.launch("foreign"), "refused", "another process")

    def test_process_that_is_stopped(self):
        self.check_applied(self.launch("stopped"))

    def test_thread_without_a_filter_is_taken(self):
        self.check_applied(self.launch("one_filtered"))

    def test_client_that_says_that_it_cannot(self):
        self.check_applied(self.launch("honest", executor="auto"))
        said = self.launch("honest", executor="owner")
        self.assertTrue(self.check_refused(said, "ownerFault")["restored"])

    def test_client_that_can_is_asked(self):
        result = self.apply(self.make_vm(2))
        self.assertEqual(result["executor"], "owner")

    def test_target_that_is_traced_already(self):
        with self.waiting_launcher() as (process, finish):
            with Child(lambda pipe: self.trace(process.pid, pipe)) as tracer:
                tracer.expect("traced")
                said = finish()
        self.check_refused(said, "notInjected", "traced already")

    def waiting_launcher(self):
        test = self

        class Waiting:
            def __enter__(self):
                self.process = subprocess.Popen(
                    [sys.executable, "-c", "import sys; sys.stdin.readline(); sys.argv = sys.argv[1:]; "
                     f"sys.path.insert(0, {str(HERE)!r}); import runpy; runpy.run_path(sys.argv[0], run_name='__main__')",
                     str(HERE / "plain.py"), "plain", test.daemon.socket_path, '{"executor": "inject"}'],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
                return self.process, self.finish

            def finish(self):
                # Its end is its tracer's to see first.
                self.process.stdin.write("go\n")
                self.process.stdin.flush()
                return json.loads(self.process.stdout.readline())

            def __exit__(self, *_):
                self.process.kill()
                self.process.wait()
                self.process.stdin.close()
                self.process.stdout.close()

        return Waiting()

    @staticmethod
    def trace(pid, pipe):
        if ctypes.CDLL(None).ptrace(PTRACE_SEIZE, pid, None, None) == 0:
            pipe.send(b"traced")
        pipe.recv(1)

    @unittest.skipIf(COMPILER is None, "there is no C compiler (cc)")
    def test_torture(self):
        signal.setitimer(signal.ITIMER_REAL, (60 + TORTURE / 20) * PATIENCE)
        with tempfile.TemporaryDirectory() as directory:
            program = f"{directory}/selfcheck"
            source = str(HERE / "c" / "selfcheck.c")
            subprocess.run([COMPILER, "-std=gnu2x", "-O1", "-o", program, source, "-lpthread"], check=True)
            done = subprocess.run(
                [program, self.daemon.socket_path, str(TORTURE)], capture_output=True, text=True, timeout=3600,
                check=False,
            )  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (0, f"ok {TORTURE}\n"))
        self.note(f"{TORTURE} injections")


class Filtered:
    """Processes whose only thread is under seccomp filters, and what both ways of serving them have in common."""

    def test_filter_that_allows(self):
        self.check_applied(self.launch("filter_allows"))

    def test_filter_that_fails_the_ioctl(self):
        said = self.launch("filter_fails")
        data = self.check_refused(said, "refused", "seccomp")
        self.assertTrue(data["restored"] and said["same"])

    def test_filter_that_traps_the_ioctl(self):
        said = self.launch("filter_traps")
        data = self.check_refused(said, "notInjected", "seccomp", "traps")
        self.assertTrue(data["restored"] and said["same"])

    def test_filter_that_traps_every_ioctl(self):
        data = self.check_refused(self.launch("filter_traps_all"), "notInjected", "seccomp", "traps")
        self.assertTrue(data["restored"])


@unittest.skipUnless(os.getuid() == 0, "only root may read filters")
class FilteredAndRead(Filtered, InjectCase):
    """By a helper with CAP_SYS_ADMIN, which reads the filters and makes no call that they kill for."""

    def check_lives(self, situation, call):
        said = self.launch(situation)
        data = self.check_refused(said, "notInjected", "seccomp", "kills", call)
        self.assertTrue(data["restored"])
        return said

    def test_filter_that_kills_for_every_ioctl(self):
        self.check_lives("filter_kills", "KVM_GET_CPUID2")

    def test_what_the_launcher_says_of_its_filter_is_not_believed_where_it_can_be_read(self):
        said = self.launch("filter_kills_the_ioctl", filtersReturn=True)
        self.check_refused(said, "notInjected", "seccomp", "kills", "KVM_SET_CPUID2")

    def test_filter_that_kills_for_the_ioctl(self):
        self.assertTrue(self.check_lives("filter_kills_the_ioctl", "KVM_SET_CPUID2")["same"])

    def test_filter_that_kills_for_what_comes_last(self):
        self.assertTrue(self.check_lives("filter_kills_munmap", "munmap")["same"])


class FilteredAndTried(Filtered, InjectCase):
    """By a helper that is told to take the risk, and may not read filters."""

    helper_options = ("--try-filtered",)

    @classmethod
    def how(cls):
        return only_capability()


class FilteredAndRefused(InjectCase):
    """By a helper as its unit runs it: it may not read filters, and takes no risk."""

    @classmethod
    def how(cls):
        return only_capability()

    def test_refusal_says_what_can_be_done(self):
        for situation in ("filter_allows", "filter_kills"):
            said = self.launch(situation)
            self.check_refused(said, "notInjected", "filtersReturn", "CAP_SYS_ADMIN", "--try-filtered")

    def test_launcher_that_knows_its_filter_is_served(self):
        self.check_applied(self.launch("filter_allows", filtersReturn=True))
        for situation, kind in (("filter_fails", "refused"), ("filter_traps", "notInjected")):
            said = self.launch(situation, filtersReturn=True)
            data = self.check_refused(said, kind, "seccomp")
            self.assertTrue(data["restored"] and said["same"])

    def test_thread_without_a_filter_is_taken(self):
        self.check_applied(self.launch("one_filtered"))


class InjectInNoTime(InjectCase):
    """A deadline that is met now and then."""

    lines = ("InjectDeadlineSec=4ms",)

    def test_target_lives_on(self):
        said = self.launch("many")
        ways = [answer["error"]["data"]["kind"] if "error" in answer else "applied" for answer in said["answers"]]
        self.assertLessEqual(set(ways), {"applied", "notInjected"}, said["answers"])
        self.note(f"{ways.count('applied')} of {len(ways)} in time")


@unittest.skipUnless(os.getuid() == 0, "only root can start it as somebody who may not trace")
class InjectWithoutRights(InjectCase):
    """A helper without CAP_SYS_PTRACE."""

    @classmethod
    def how(cls):
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def test_refusal_says_what_it_lacks(self):
        self.check_refused(self.launch("plain"), "notInjected", "CAP_SYS_PTRACE")


class InjectWithItsOneRight(InjectCase):
    """A helper of another user than the target's, with CAP_SYS_PTRACE and nothing else: as its unit runs it."""

    @classmethod
    def how(cls):
        return only_capability()

    def test_it_is_enough(self):
        with open(f"/proc/{self.helper.process.pid}/status") as file:
            rights = dict(line.split(":", 1) for line in file)
        self.assertEqual(int(rights["CapEff"], 16), 1 << 19)
        for situation in ("plain", "threads"):
            self.check_applied(self.launch(situation))


@unittest.skipUnless((ROOT / "systemd").exists(), "there is no source")
class DropIn(unittest.TestCase):
    """The drop-in of the unit by which the helper may read filters: it must be under none itself."""

    # systemd.exec(5): what is done by a seccomp filter, among other things or alone.
    BY_A_FILTER = {
        "DynamicUser", "LockPersonality", "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock", "ProtectHostname",
        "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies",
        "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallFilter",
        "SystemCallLog",
    }  # fmt: skip

    @staticmethod
    def settings(name):
        text = (ROOT / "systemd" / name).read_text().split("[Service]")[1]
        return re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)

    def test_every_filter_is_off(self):
        dropped = dict(self.settings("cpumodeld-inject-filters.conf"))
        for setting, value in self.settings("cpumodeld-inject.service"):
            if setting in self.BY_A_FILTER and value != "no":
                self.assertIn(dropped.get(setting), ("", "no"), setting)

    def test_it_gives_one_more_right(self):
        dropped = dict(self.settings("cpumodeld-inject-filters.conf"))
        for setting in ("AmbientCapabilities", "CapabilityBoundingSet"):
            self.assertEqual(dropped.pop(setting), "CAP_SYS_ADMIN")
        self.assertLessEqual(set(dropped), self.BY_A_FILTER)


@unittest.skipUnless(COMPILER and (ROOT / "Sources").exists(), "there is no C compiler (cc), or no source")
class ReadingFilters(unittest.TestCase):
    """The interpreter of filters against the kernel's own."""

    def test_it_judges_as_the_kernel_does(self):
        with tempfile.TemporaryDirectory() as directory:
            sources = (HERE / "c/bpf.c", ROOT / "Sources/cpumodeld-inject/bpf.c")
            subprocess.run([COMPILER, "-std=gnu2x", "-O1", "-o", f"{directory}/bpf", *map(str, sources)], check=True)
            seed = int.from_bytes(os.urandom(3))
            done = subprocess.run([f"{directory}/bpf", str(seed), "300"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"seed {seed}: {done.stdout}")
        compared, killed = map(int, re.findall(r"\d+", done.stdout))
        self.assertGreater(compared, 200)
        self.assertGreater(killed, 0)


class InjectDisabled(InjectCase):
    """No helper, and policies."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = start_daemon(cls, "InjectSocket=/nonexistent/inject.sock")
        cls.forbidding = start_daemon(cls, "Inject=")
        cls.injecting = start_daemon(cls, "Owner=", "Inject=root 12345", "InjectSocket=/nonexistent/inject.sock")

    def test_error_says_how_to_enable_it(self):
        for situation, executor in (("plain", "inject"), ("honest", "auto")):
            said = self.launch(situation, executor=executor)
            data = self.check_refused(said, "executorUnavailable", "systemctl enable --now cpumodeld-inject.socket")
            self.assertTrue(data["restored"])

    def test_policy(self):
        said = self.launch("plain", daemon=self.forbidding)
        self.check_refused(said, "notPermitted", "Inject=")
        said = self.launch("honest", daemon=self.injecting, executor="owner")
        self.check_refused(said, "notPermitted", "Owner=")
        if os.getuid() == 0:
            self.check_refused(self.launch("plain", daemon=self.injecting, executor="auto"), "executorUnavailable")
