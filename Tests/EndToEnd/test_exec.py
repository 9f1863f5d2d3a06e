# SPDX-License-Identifier: Apache-2.0
"""cpumodel-exec: VMMs that know nothing of cpumodeld get their vCPUs' model, QEMU among them."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import compare
import kvm
from cases import DaemonCase, needs_kvm
from harness import BINARIES, Daemon, binary

HERE = pathlib.Path(__file__).resolve().parent
EIO, ENOTTY, E2BIG = 5, 25, 7
FAILED, CANNOT_RUN, NOT_FOUND = 125, 126, 127
QEMU = shutil.which("qemu-system-x86_64")
COMPILER = shutil.which("cc")


class ExecCase(DaemonCase):
    """Runs programs through cpumodel-exec."""

    def setUp(self):
        super().setUp()
        if not (BINARIES / "libcpumodel-preload.so").exists():
            self.fail("libcpumodel-preload.so is not beside the binaries: build with make")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodel-exec-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def command(self, *command, daemon=None, **options):
        options = {"model": "EPYC-Milan", "unavailable": "drop", "altered": "accept", **options}
        words = [binary("cpumodel-exec"), "--socket", (daemon or self.daemon).socket_path]
        for option, value in options.items():
            words += [f"--{option.replace('_', '-')}", value]
        return [*words, "--", *command]

    def run_exec(self, *command, environment=None, **options):
        return subprocess.run(
            self.command(*command, **options), capture_output=True, text=True, timeout=50, check=False,
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def vmm(self, *command, **options):
        """What the VMM of vmm.py says at its end."""
        done = self.run_exec(sys.executable, str(HERE / "vmm.py"), *command, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    @contextlib.contextmanager
    def waiting(self, *command, **options):
        """A VMM of vmm.py that waits for a line on its standard input."""
        with subprocess.Popen(
            self.command(sys.executable, str(HERE / "vmm.py"), *command, **options),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                self.assertEqual(process.stdout.readline(), "ready\n")
                yield process
            finally:
                process.kill()

    def compile(self, source):
        if COMPILER is None:
            self.skipTest("there is no C compiler (cc)")
        library = self.directory / f"{source}.so"
        subprocess.run(
            [COMPILER, "-shared", "-fPIC", "-O1", "-o", library, HERE / "c" / f"{source}.c", "-ldl"], check=True
        )
        return str(library)


@needs_kvm
class Exec(ExecCase):
    """A VMM of our own, by plain ioctls."""

    def test_every_vcpu_in_a_thread(self):
        said, _ = self.vmm("threads", "8")
        self.assertEqual(said["results"], [[0, ENOTTY]] * 8)
        self.assertEqual(said["too_many"], [[-1, E2BIG]], "what KVM refuses is KVM's to refuse")
        self.assertEqual(*said["descriptors"], "descriptors were left open")
        for index, table in enumerate(said["tables"]):
            table = [kvm.Entry(*entry) for entry in table]
            self.check_apic_id(table, index)
            self.assertEqual(compare.find(table, 0).ebx, 0x68747541)  # AuthenticAMD, the model's vendor

    def test_two_machines_and_one_that_takes_a_place(self):
        with self.waiting("machines", vm="web") as process:
            machines = {vm["vm"]: vm["vcpuCount"] for vm in self.vm_list() if vm["vm"].startswith("web")}
            self.assertEqual(machines, {"web": 2, "web-2": 2})
            out, errors = process.communicate("\n", 20)
            self.assertEqual(json.loads(out.splitlines()[-1])["results"], [[0, ENOTTY]] * 5, errors)
        self.eventually(lambda: not self.registered(), "a VM is registered")

    def test_name_is_made_when_none_is_given(self):
        with self.waiting("machines") as process:
            self.assertIn(f"{os.path.basename(sys.executable)}-{process.pid}", self.registered())

    def test_forks_while_it_asks(self):
        said, errors = self.vmm("fork")
        self.assertEqual(said["statuses"], [0] * 5, errors)

    def test_feature_msrs_are_the_models(self):
        said, _ = self.vmm("msrs", model="EPYC-Milan,-arch-capabilities")
        self.assertEqual(said["results"], [[0, ENOTTY]])
        self.assertEqual(said["all"][0], 4, "up to the one that KVM does not know")
        self.assertEqual(said["alone"], [1, ENOTTY])

    def test_a_script_in_between(self):
        done = self.run_exec("sh", "-c", f"exec {sys.executable} {HERE / 'vmm.py'} threads 1")
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["results"], [[0, ENOTTY]], done.stderr)

    def test_altered_fail_is_an_errno(self):
        done = self.run_exec(sys.executable, str(HERE / "vmm.py"), "threads", "2", altered="fail")
        results = json.loads(done.stdout.splitlines()[-1])["results"]
        if results[0][0] == 0:
            self.note("this KVM changes nothing")
        else:
            self.assertEqual(results, [[-1, 22]] * 2)
            self.assertIn("altered", done.stderr)
            self.assertEqual(self.registered(), set())


@needs_kvm
class DaemonAway(ExecCase):
    """The daemon ends between the start of the VMM and its first table."""

    def away(self, policy):
        daemon = Daemon().start()
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        with self.waiting("later", daemon=daemon, daemon_away=policy) as process:
            daemon.stop()
            out, errors = process.communicate("\n", 40)
        return json.loads(out.splitlines()[-1]), errors

    def test_fails(self):
        said, errors = self.away("fail")
        self.assertEqual(said["results"], [[-1, EIO]])
        self.assertEqual(said["tables"], [[]])
        self.assertIn("cannot connect to cpumodeld", errors)

    def test_passes_with_a_warning(self):
        said, errors = self.away("pass")
        self.assertEqual(said["results"], [[0, ENOTTY]])
        self.assertTrue(said["tables"][0])
        self.assertIn("warning", errors)

    def test_nobody_is_there_at_the_start(self):
        nobody = Daemon()
        self.addCleanup(nobody.remove)
        self.assertEqual(self.run_exec("true", daemon=nobody).returncode, FAILED)
        done = self.run_exec("true", daemon=nobody, daemon_away="pass")
        self.assertEqual(done.returncode, 0)
        self.assertIn("warning", done.stderr)


class Refusals(ExecCase):
    """What this door is not for, and what is wrong with the command line."""

    def check(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_static(self):
        if COMPILER is None:
            self.skipTest("there is no C compiler (cc)")
        program = self.directory / "static"
        (self.directory / "static.c").write_text("int main(void) { return 0; }\n")
        subprocess.run([COMPILER, "-static", "-o", program, f"{program}.c"], check=True)
        self.check(self.run_exec(str(program)), CANNOT_RUN, "linked statically", "cpumodeld-inject")
        script = self.directory / "script"
        script.write_text(f"#!{program}\n")
        script.chmod(0o755)
        self.check(self.run_exec(str(script)), CANNOT_RUN, "linked statically")

    def test_setuid(self):
        if os.getuid() != 0:
            self.skipTest("needs root to make a setuid program")
        program = self.directory / "setuid"
        shutil.copy(shutil.which("true"), program)
        os.chown(program, 65534, 65534)
        program.chmod(0o4755)
        self.check(self.run_exec(str(program)), CANNOT_RUN, "setuid", "65534")
        program.chmod(0o2755)
        self.check(self.run_exec(str(program)), CANNOT_RUN, "setgid", "65534")

    def test_another_loader(self):
        program = self.directory / "other"
        image = pathlib.Path(shutil.which("true")).read_bytes()
        loader = b"/lib64/ld-linux-x86-64.so.2\0"
        self.assertEqual(image.count(loader), 1)
        program.write_bytes(image.replace(loader, b"/lib/ld-musl-x86_64.so.1\0\0\0\0"))
        program.chmod(0o755)
        self.check(self.run_exec(str(program)), CANNOT_RUN, "another C library", "ld-musl")

    def test_foreign_machine(self):
        program = self.directory / "foreign"
        image = bytearray(pathlib.Path(shutil.which("true")).read_bytes())
        image[18:20] = b"\xb7\x00"  # e_machine: AArch64
        program.write_bytes(image)
        program.chmod(0o755)
        self.check(self.run_exec(str(program)), CANNOT_RUN, "not a program for x86-64")

    def test_no_such_command(self):
        self.check(self.run_exec("no-such-command"), NOT_FOUND, "no-such-command")
        self.check(self.run_exec(str(self.directory)), CANNOT_RUN)

    def test_bad_options(self):
        exec_path = binary("cpumodel-exec")
        for words in ([], ["--model", "host"], ["--model", "host", "--altered", "never", "true"], ["--modl", "x"]):
            done = subprocess.run([exec_path, *words], capture_output=True, text=True, check=False)
            self.check(done, FAILED, "cpumodel-exec")

    def test_model_is_looked_at_first(self):
        self.check(self.run_exec("true", model="EPYC-Milano"), FAILED, "EPYC-Milan")

    def test_status_of_the_command(self):
        if kvm.why_unusable():
            self.skipTest(kvm.why_unusable())
        self.assertEqual(self.run_exec("sh", "-c", "exit 3").returncode, 3)


@needs_kvm
class QEMUThroughExec(ExecCase):
    """qemu-system-x86_64 -accel kvm, as the distribution has it."""

    @contextlib.contextmanager
    def qemu(self, *arguments, **options):
        """QEMU, with a connection to its monitor, and what the tap saw: {vCPU: (asked, has)}."""
        if QEMU is None:
            self.skipTest("there is no qemu-system-x86_64")
        tap, out = self.compile("tap"), self.directory / "tap.jsonl"
        command = self.command(
            QEMU, "-accel", "kvm", "-nodefaults", "-display", "none", "-m", "64", "-qmp",
            f"unix:{self.directory}/qmp,server=on,wait=off", *arguments, **options,
        )  # fmt: skip
        environment = {**os.environ, "LD_PRELOAD": tap, "TAP_OUT": str(out)}
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                monitor = self.monitor(process)
                yield process, monitor, out
                monitor("quit")
                self.assertEqual(process.wait(20), 0)
            finally:
                process.kill()

    def monitor(self, process):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        deadline = time.monotonic() + 30
        while True:
            try:
                connection.connect(f"{self.directory}/qmp")
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    self.fail(f"QEMU did not start: {process.stderr.read().decode()}")
                time.sleep(0.02)
        stream = connection.makefile("rw")

        def call(command, **arguments):
            stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            stream.flush()
            while True:
                answer = json.loads(stream.readline())
                if "return" in answer or "error" in answer:
                    self.assertIn("return", answer)
                    return answer["return"]

        stream.readline()
        call("qmp_capabilities")
        return call

    def seen(self, path):
        tables = {}
        for line in path.read_text().splitlines():
            each = json.loads(line)
            self.assertEqual(each["result"], 0)
            vcpu = int(each["vcpu"].rsplit(":", 1)[1])
            tables[vcpu] = [[kvm.Entry(*entry) for entry in each[name]] for name in ("asked", "has")]
        return tables

    def check(self, name, model, tables):
        """What the owner reads back is what the daemon computes and says."""
        shown = self.call("vm.show", {"vm": name})
        self.assertEqual({vcpu["vcpuId"] for vcpu in shown["vcpus"]}, set(tables))
        sets = [compare.described(each) for each in shown["differenceSets"]]
        for vcpu in shown["vcpus"]:
            asked, has = tables[vcpu["vcpuId"]]
            params = {"model": model, "unavailable": "drop", "base": [kvm.to_json(asked)]}
            want = kvm.from_json(self.call("table.compute", params)["vcpus"][0]["cpuid"])
            self.assertEqual(vcpu["verdict"], compare.verdict(want, has))
            said = {} if vcpu["differenceSet"] is None else sets[vcpu["differenceSet"]]
            self.assertEqual(said, compare.differences(want, has))
            for leaf in (0xB, 0x4000_0000, 0x4000_0001):
                self.assertEqual(compare.find(asked, leaf), compare.find(want, leaf), "what stays QEMU's")
            self.check_apic_id(want, vcpu["apicId"])
        self.note(shown["verdict"])
        return shown

    def test_two_models(self):
        for name, model in (("q-amd", "EPYC-Milan"), ("q-intel", "Skylake-Server-v4")):
            smp = "4,sockets=2,cores=2,threads=1"
            with self.qemu("-cpu", "qemu64", "-smp", smp, vm=name, model=model) as (process, monitor, out):
                shown = self.check(name, model, self.seen(out))
                self.assertEqual(shown["pid"], process.pid)
                self.assertEqual((shown["topology"]["sockets"], shown["topology"]["cores"]), (2, 2))
                self.assertTrue(monitor("query-status")["running"])
            self.eventually(lambda name=name: name not in self.registered(), "the VM is still listed")
            out.unlink()
            (self.directory / "qmp").unlink(missing_ok=True)

    def test_hotplugged_vcpu_joins(self):
        with self.qemu("-cpu", "qemu64", "-smp", "1,maxcpus=4,cores=4", vm="q-hot") as (_, monitor, out):
            self.assertEqual(len(self.check("q-hot", "EPYC-Milan", self.seen(out))["vcpus"]), 1)
            free = [each for each in monitor("query-hotpluggable-cpus") if "qom-path" not in each]
            monitor("device_add", driver=free[-1]["type"], id="more", **free[-1]["props"])
            self.assertEqual(len(self.check("q-hot", "EPYC-Milan", self.seen(out))["vcpus"]), 2)

    def test_a_cpu_whose_msrs_would_not_fit(self):
        # QEMU writes the host's IA32_ARCH_CAPABILITIES, and ends if KVM does not take it.
        with self.qemu("-cpu", "max", vm="q-max") as (_, monitor, out):
            self.check("q-max", "EPYC-Milan", self.seen(out))
            self.assertTrue(monitor("query-status")["running"])
