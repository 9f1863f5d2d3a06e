#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cpumodeld's life on a host, from the installation of its package to the purge, as an operator sees it.

Runs as root on a system whose PID 1 is systemd. Each step prints the commands it gives and what they say, and then
whether all was as it must be. The steps build on each other, in the order in which they stand here.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback

from system import Failure, Launcher, await_entry, become, ctl, eventually, files, is_active, journal, main_pid, need
from system import prop, registered, sh

SHARED = pathlib.Path("/run/cpumodeld-test")
UNITS = ("cpumodeld.service", "cpumodeld.socket", "cpumodeld-query.socket")
INJECT_UNITS = ("cpumodeld-inject.service", "cpumodeld-inject.socket")
SOCKET, QUERY_SOCKET = "/run/cpumodeld/cpumodeld.sock", "/run/cpumodeld/cpumodeld-query.sock"
OWN_MODEL = pathlib.Path("/etc/cpumodeld/models/Fleet-2026.cpumodel")
VERDICT = SHARED / "verdict"  # what this KVM's is, where that is known
KVM = pathlib.Path("/dev/kvm")
KVM_MINOR, MISC = 232, 10


class Skip(Exception):
    """The step cannot be tried here; the text says why."""


class Story:
    """The steps, and what one of them leaves to the later ones."""

    def __init__(self):
        self.before = set()
        self.web = None
        self.record = {}  # what was registered of its VM

    # ---- installation ----------------------------------------------------------------------

    def the_package_is_installed(self):
        self.before = files()
        sh(f"dpkg --install {SHARED}/old.deb")
        for name, groups in (("launcher", "cpumodel"), ("watcher", "cpumodel-query"), ("stranger", "users")):
            sh(f"useradd --no-create-home --groups {groups} {name}")
        for unit in UNITS:
            need(prop(unit, "UnitFileState") == "enabled", f"{unit} is not enabled")
            need(is_active(unit), f"{unit} is not active")
        for unit in INJECT_UNITS:
            need(prop(unit, "ActiveState") == "inactive", f"{unit} is active, and nobody has enabled it")

    def without_kvm_it_answers_queries(self):
        KVM.unlink(missing_ok=True)
        sh("systemctl restart cpumodeld.service")
        said = sh("cpumodelctl status", user="watcher", status=1)
        need("kvm" in said.lower(), "the status does not say that KVM is missing")
        await_entry("entry that KVM is missing", "CPUMODELD_EVENT=host-unavailable")
        sh("cpumodelctl show EPYC-Milan-v2", user="watcher")
        self.give_kvm()
        sh("systemctl restart cpumodeld.service")
        need(is_active("cpumodeld.service"), "it is not active")

    @staticmethod
    def give_kvm():
        """What udev does on a host: /dev/kvm for the group kvm, which launchers are in."""
        os.mknod(KVM, 0o660 | stat.S_IFCHR, os.makedev(MISC, KVM_MINOR))
        shutil.chown(KVM, "root", "kvm")
        KVM.chmod(0o660)
        for name in ("launcher", "watcher", "stranger"):
            sh(f"usermod --append --groups kvm {name}", show=False)

    def units_are_as_they_should_be(self):
        units = " ".join(f"/lib/systemd/system/{unit}" for unit in (*UNITS, *INJECT_UNITS))
        # Without the manual pages, which this small system leaves out.
        said = sh(f"systemd-analyze verify --man=no {units}")
        need(not said.strip(), "systemd-analyze verify has something to say")
        said = sh("systemd-analyze security cpumodeld.service | tail -1")
        exposure = re.search(r"Overall exposure level for cpumodeld.service: ([0-9.]+)", said)
        need(exposure and float(exposure[1]) <= 1.0, "its exposure is above 1.0")

    # ---- use -------------------------------------------------------------------------------

    def a_connection_starts_it(self):
        sh("systemctl stop cpumodeld.service")
        need(not is_active("cpumodeld.service"), "it was stopped, and is active")
        need(is_active("cpumodeld.socket"), "its socket went with it")
        sh("cpumodelctl status", user="watcher", status=None)
        need(is_active("cpumodeld.service"), "it was asked, and is not active")
        status = ctl("status")
        print(f"        {status.get('version', status)}")
        need(prop("cpumodeld.service", "User") == "cpumodeld", "it does not run as its own user")

    def an_unprivileged_launcher_applies(self):
        self.need_kvm()
        self.web = Launcher("web-1")
        sh("cpumodelctl vms", user="watcher")
        vm = registered()["web-1"]
        need(vm["vcpuCount"] == 2, f"it has {vm['vcpuCount']} vCPUs and not 2")
        self.record = vm
        if VERDICT.exists():
            need(vm["verdict"] == VERDICT.read_text().strip(), f"the verdict is {vm['verdict']}")

    def others_are_refused(self):
        said = sh("cpumodelctl status", user="stranger", status=3)
        need("ermission denied" in said or "may not" in said, "the refusal does not say why")
        sh("cpumodel-launch --name evil --altered accept", user="stranger", status=3)
        # Who may look may not apply.
        sh("cpumodel-launch --name evil --altered accept", user="watcher", status=3)
        need("evil" not in registered(), "it was registered all the same")

    def the_journal_tells_its_story(self):
        self.need_kvm()
        entry = await_entry("entry of VM web-1", "CPUMODELD_VM=web-1", "CPUMODELD_EVENT=vm-applied")
        uid = sh("id -u launcher", show=False).strip()
        for field, wanted in {
            "CPUMODELD_PEER_UID": uid, "_UID": sh("id -u cpumodeld", show=False).strip(),
            "CPUMODELD_EXECUTOR": "owner", "_SYSTEMD_UNIT": "cpumodeld.service", "SYSLOG_IDENTIFIER": "cpumodeld",
        }.items():  # fmt: skip
            need(entry.get(field) == wanted, f"{field} is {entry.get(field)} and not {wanted}")
        for field in ("MESSAGE_ID", "CPUMODELD_MODEL", "CPUMODELD_STAMP", "CPUMODELD_VERDICT", "CPUMODELD_REQUEST_ID"):
            need(entry.get(field), f"there is no {field}")
        said = sh("journalctl --catalog --no-pager --quiet CPUMODELD_VM=web-1 | head -40")
        need("Guests with equal stamps" in said, "journalctl --catalog does not explain the entry")

    # ---- the injector ----------------------------------------------------------------------

    def the_injector_is_off_until_enabled(self):
        self.need_kvm()
        how = "systemctl enable --now cpumodeld-inject.socket"
        answer = self.plain_launcher()
        need(how in answer.get("error", {}).get("message", ""), f"the refusal does not say how to enable it: {answer}")
        sh(how)
        answer = self.plain_launcher()
        need(answer.get("result", {}).get("executor") == "inject", f"it was not applied by the injector: {answer}")
        need(is_active("cpumodeld-inject.service"), "the injector was not started")
        sh("systemctl disable --now cpumodeld-inject.socket cpumodeld-inject.service")
        answer = self.plain_launcher()
        need(how in answer.get("error", {}).get("message", ""), f"it was disabled, and the answer is {answer}")

    @staticmethod
    def plain_launcher():
        """What a launcher is answered that knows nothing of owner.execute: it asks, and reads one line."""
        request = '{"name":"plain-1","executor":"inject"}'
        said = sh(f"python3 {SHARED}/Tests/EndToEnd/plain.py plain {SOCKET} '{request}'", user="launcher")
        return json.loads(said)["answer"]

    # ---- reload ----------------------------------------------------------------------------

    def a_good_file_is_taken_on_reload(self):
        OWN_MODEL.parent.mkdir(parents=True, exist_ok=True)
        OWN_MODEL.write_text("[Model]\nName=Fleet-2026\nExtends=EPYC-Milan-v2\nDescription=Ours\nRemove=rdpid\n")
        pid = main_pid()
        sh("systemctl reload cpumodeld.service")
        need("Fleet-2026" in self.model_names(), "the model is not there")
        need(main_pid() == pid, "it was started anew")
        await_entry("entry of the reload", "CPUMODELD_EVENT=reloaded")

    def a_bad_file_changes_nothing(self):
        before = self.model_names()
        OWN_MODEL.write_text("[Model]\nName=Fleet-2026\nExtends=EPYC-Milan-v2\nDescription=Ours\nRemove=rdpidd\n")
        try:
            self.check_bad_file(before)
        finally:
            OWN_MODEL.unlink()
        sh("systemctl reload cpumodeld.service")
        need("Fleet-2026" not in self.model_names(), "the model is still there")

    def check_bad_file(self, before):
        sh("systemctl reload cpumodeld.service", status=None)
        entry = await_entry("entry of the failed reload", "CPUMODELD_EVENT=reload-failed")
        print(f"        journal: {entry['MESSAGE']}")
        for word in ("Fleet-2026.cpumodel:5", "rdpid"):
            need(word in entry["MESSAGE"], f"the message does not say {word}")
        need(self.model_names() == before, "the models are others")
        text = prop("cpumodeld.service", "StatusText")
        print(f"        status: {text}")
        need("stay in force" in text, "the status text does not tell of it")
        need(is_active("cpumodeld.service"), "it is not active any more")

    @staticmethod
    def model_names():
        return {model["name"].removesuffix("-v1") for model in ctl("models")["models"]}

    def a_setting_is_checked_before_it_counts(self):
        folder = pathlib.Path("/etc/cpumodeld/cpumodeld.conf.d")
        folder.mkdir()
        ours = folder / "ours.conf"
        try:
            ours.write_text("[Limits]\nConections=5\n")
            said = sh("cpumodeld --check-config", status=None)
            need("ours.conf:2" in said and "Connections" in said, "--check-config does not say where and what is meant")
            sh("systemctl reload cpumodeld.service", status=None)
            eventually(lambda: "ours.conf:2" in self.last_message("reload-failed"), "the journal does not say where")
            need(is_active("cpumodeld.service"), "it is not active any more")
            ours.write_text("[Executors]\nOwner=root\n")
            sh("systemctl reload cpumodeld.service")
            sh("cpumodel-launch --name not-1 --altered accept --no-run", user="launcher", status=1)
        finally:
            shutil.rmtree(folder)
            sh("systemctl reload cpumodeld.service")
        sh("cpumodel-launch --name yes-1 --altered accept --no-run", user="launcher")

    @staticmethod
    def last_message(event):
        entries = journal(f"CPUMODELD_EVENT={event}")
        return entries[-1]["MESSAGE"] if entries else ""

    # ---- ends, and what is kept over them --------------------------------------------------

    def a_restart_keeps_vms(self):
        self.over_an_end(lambda: sh("systemctl restart cpumodeld.service"))

    def sigkill_keeps_vms(self):
        kill = "systemctl kill --kill-whom=main --signal=SIGKILL cpumodeld.service"
        self.over_an_end(lambda: sh(kill))

    def the_watchdog_ends_one_that_hangs_and_vms_are_kept(self):
        folder = pathlib.Path("/run/systemd/system/cpumodeld.service.d")
        folder.mkdir(parents=True)
        (folder / "quick.conf").write_text("[Service]\nWatchdogSec=8s\n")  # as a test has no time
        try:
            sh("systemctl daemon-reload && systemctl restart cpumodeld.service")
            need(prop("cpumodeld.service", "WatchdogUSec") == "8s", "it has no watchdog of 8 s")
            self.over_an_end(lambda: self.stop_process(main_pid()))
            await_entry("word of the watchdog", "_PID=1", "UNIT=cpumodeld.service", "UNIT_RESULT=watchdog")
        finally:
            shutil.rmtree(folder)
            sh("systemctl daemon-reload && systemctl restart cpumodeld.service", show=False)

    @staticmethod
    def stop_process(pid):
        print(f"      # kill -STOP {pid}")
        os.kill(pid, signal.SIGSTOP)

    def over_an_end(self, end):
        """Ends the daemon somehow: another must serve and know the VM, whose process runs on."""
        pid = main_pid()
        started = time.monotonic()
        end()
        eventually(lambda: main_pid() not in (0, pid) and is_active("cpumodeld.service"), "it did not come again")
        print(f"        another serves after {time.monotonic() - started:.1f} s")
        self.web_is_as_it_was()

    def web_is_as_it_was(self):
        if self.web is None:
            return
        need(self.web.lives(), "the process of web-1 has ended")
        sh("cpumodelctl vms", user="watcher")
        vm = registered().get("web-1")
        need(vm, "web-1 is forgotten")
        for what in ("stamp", "verdict", "model"):
            need(vm[what] == self.record[what], f"its {what} was {self.record[what]} and is {vm[what]}")

    # ---- upgrade and purge -----------------------------------------------------------------

    def an_upgrade_refuses_nobody_and_keeps_vms(self):
        sh("systemctl enable --now cpumodeld-inject.socket && systemctl start cpumodeld-inject.service")
        pid = main_pid()
        asking = Asking()
        sh(f"dpkg --install {SHARED}/new.deb")
        faults, answers, cut = asking.end()
        need(not faults, f"of those who asked meanwhile some were refused: {faults[:3]}")
        print(f"        {answers} answers meanwhile, {cut} connections cut by the daemon's end, nobody refused")
        need(main_pid() not in (0, pid), "it was not started anew")
        for each in sh("pgrep cpumodeld", show=False).split():
            need("deleted" not in os.readlink(f"/proc/{each}/exe"), f"process {each} still runs the old program")
        self.web_is_as_it_was()

    def nothing_is_left_behind(self):
        sh("dpkg --purge cpumodeld")
        if self.web is not None:
            need(self.web.lives(), "the process of web-1 has ended")
            self.web.end()
        for unit in (*UNITS, *INJECT_UNITS):
            need(prop(unit, "LoadState") == "not-found", f"{unit} is still known")
        sh("pgrep --list-full --uid cpumodeld,cpumodeld-inject", status=1)
        for name in ("launcher", "watcher", "stranger"):
            sh(f"userdel {name}", show=False)
        # As always in Debian the package's users stay, so that no other user comes to their numbers.
        kept = re.compile(
            r"/etc/\.?(passwd|group|g?shadow|sub[ug]id)(-|\.lock)?|/var/lib/systemd/.*|/var/mail/.*"
            r"|/run/(systemd|log|user|lock)/.*|/var/lib/systemd|/run/\w+\.(pid|lock)|/var/spool/mail/.*|.*__pycache__.*"
        )
        left = sorted(path for path in files() - self.before if not kept.fullmatch(path))
        own = [path for path in files() if "cpumodel" in path and "cpumodeld-test" not in path]
        for path in sorted({*left, *own}):
            print(f"        left: {path}")
        need(not left and not own, "files are left")

    # ---- what a step may need --------------------------------------------------------------

    @staticmethod
    def need_kvm():
        if subprocess.run([*become("launcher"), "sh", "-c", ": <>/dev/kvm"], check=False).returncode:
            raise Skip("/dev/kvm cannot be used here")


class Asking:
    """Someone who asks the daemon all the while, each time by a new connection; one that is cut is tried again."""

    REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n'

    def __init__(self):
        self._faults, self._answers, self._cut, self._stop = [], 0, 0, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.1):
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(60)
                    connection.connect(QUERY_SOCKET)
                    connection.sendall(self.REQUEST)
                    if connection.makefile("rb").readline():
                        self._answers += 1
                    else:
                        self._cut += 1
            except (ConnectionResetError, BrokenPipeError):
                self._cut += 1
            except OSError as error:
                self._faults.append(str(error))

    def end(self):
        self._stop.set()
        self._thread.join()
        return self._faults, self._answers, self._cut


STEPS = (
    Story.the_package_is_installed,
    Story.units_are_as_they_should_be,
    Story.without_kvm_it_answers_queries,
    Story.a_connection_starts_it,
    Story.an_unprivileged_launcher_applies,
    Story.others_are_refused,
    Story.the_journal_tells_its_story,
    Story.the_injector_is_off_until_enabled,
    Story.a_good_file_is_taken_on_reload,
    Story.a_bad_file_changes_nothing,
    Story.a_setting_is_checked_before_it_counts,
    Story.a_restart_keeps_vms,
    Story.sigkill_keeps_vms,
    Story.the_watchdog_ends_one_that_hangs_and_vms_are_kept,
    Story.an_upgrade_refuses_nobody_and_keeps_vms,
    Story.nothing_is_left_behind,
)


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    story = Story()
    print(f"systemd {sh('systemctl --version', show=False).split()[1]}, Linux {os.uname().release}")
    for step in STEPS:
        name = step.__name__.replace("_", " ")
        print(f"---- {name}")
        started = time.monotonic()
        try:
            step(story)
        except Skip as reason:
            counts["skipped"] += 1
            print(f"skip  {name}: {reason}")
        except Failure as failure:
            counts["failed"] += 1
            print(f"FAIL  {name}: {failure}")
        except Exception:
            counts["failed"] += 1
            print(f"FAIL  {name}\n{traceback.format_exc()}")
        else:
            counts["passed"] += 1
            print(f"ok    {name} ({time.monotonic() - started:.1f} s)")
    print(", ".join(f"{number} {word}" for word, number in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
