# SPDX-License-Identifier: Apache-2.0
"""The emulated hosts: QEMU's TCG for AMD's CPUs, for it has SVM, and Bochs for Intel's, for it has VMX."""

import dataclasses
import os
import shutil
import subprocess
import time

import debian

# `no_timer_check` and `lpj`: a timer that is calibrated against the emulator's clock is never right.
COMMAND_LINE = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable random.trust_cpu=on no_timer_check"


@dataclasses.dataclass(frozen=True)
class Machine:
    """A host that can be emulated."""

    name: str
    vendor: str
    emulator: str
    cpu: str

    def boot(self, kernel, initramfs, work, limit):
        """Runs it until it turns its power off, or for `limit` seconds; `work` is an empty folder of its own."""
        return Run(self, start[self.emulator](self, kernel, initramfs, work), work, limit)


MACHINES = (
    Machine("epyc-milan", "amd", "qemu", "EPYC-Milan,+svm"),
    Machine("opteron-g3", "amd", "qemu", "Opteron_G3,+svm"),
    Machine("skylake-x", "intel", "bochs", "corei7_skylake_x"),
    Machine("haswell", "intel", "bochs", "corei7_haswell_4770"),
    Machine("penryn", "intel", "bochs", "core2_penryn_t9600"),
)


class Run:
    """One run of a machine: its files, and what it said."""

    def __init__(self, machine, command, work, limit):
        self.machine, self.work, self.limit = machine, work, limit
        self.console, self.output = work / "console", work / "output"
        self.seconds, self.timed_out = 0.0, False
        self._command = command

    def follow(self, sink):
        """Waits for the end, and gives `sink` each line of the second serial port as it comes."""
        self.output.touch()
        started = time.monotonic()
        with open(self.work / "emulator", "wb") as log, open(self.output, encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=log, stderr=log)
            try:
                self._pass_on(process, output, sink, started + self.limit)
            finally:
                process.kill()
                process.wait()
                process.stdin.close()
        self.seconds = time.monotonic() - started

    def _pass_on(self, process, output, sink, deadline):
        rest = ""
        while True:
            ended = process.poll() is not None
            rest += output.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                sink(line)
            if ended:
                break
            if time.monotonic() > deadline:
                self.timed_out = True
                break
            time.sleep(0.1)
        if rest:
            sink(rest)

    def status(self):
        """How the job in it ended; None if it never said."""
        for line in reversed(self.console_lines()):
            if "ended with status " in line:
                return int(line.rsplit(" ", 1)[1])
        return None

    def console_lines(self):
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return [line.rstrip() for line in text.splitlines() if line.strip()]

    def emulator_lines(self):
        lines = (self.work / "emulator").read_text(errors="replace").splitlines()
        return [line for line in lines if "TCG doesn't support requested feature" not in line]


def start_qemu(machine, kernel, initramfs, work):
    return [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot",
        "-accel", "tcg,tb-size=256", "-machine", "pc", "-cpu", machine.cpu, "-smp", "1", "-m", "1536",
        "-kernel", kernel.image, "-initrd", initramfs, "-append", COMMAND_LINE,
        "-serial", f"file:{work / 'console'}", "-serial", f"file:{work / 'output'}",
    ]  # fmt: skip


# Bochs' size of XSAVE's compacted format is not what Linux works out, and Linux would then do without XSAVE
# altogether; so it is told to do without XSAVEC (321) and XSAVES (323).
ISOLINUX = f"""\
DEFAULT linux
PROMPT 0
TIMEOUT 1
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND {COMMAND_LINE} lpj=1000000 clearcpuid=321,323
"""

BOCHSRC = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
cpu: model={cpu}, count=1, ips=20000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={work}/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={work}/console
com2: enabled=1, mode=file, dev={work}/output
log: {work}/log
panic: action=fatal
clock: sync=none, time0=local
"""


def start_bochs(machine, kernel, initramfs, work):
    loader = work / "iso/isolinux"
    loader.mkdir(parents=True)
    shutil.copy(kernel.image, work / "iso/vmlinuz")
    os.link(initramfs, work / "iso/initrd")
    shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", loader)
    shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", loader)
    (loader / "isolinux.cfg").write_text(ISOLINUX)
    debian.run([
        "xorriso", "-as", "mkisofs", "-quiet", "-o", work / "boot.iso", "-b", "isolinux/isolinux.bin", "-c",
        "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", work / "iso",
    ], stderr=subprocess.DEVNULL)  # fmt: skip
    (work / "bochsrc").write_text(BOCHSRC.format(cpu=machine.cpu, work=work))
    (work / "debugger").write_text("c\n")  # Debian's Bochs starts in its debugger
    return ["bochs-bin", "-q", "-f", work / "bochsrc", "-rc", work / "debugger"]


start = {"qemu": start_qemu, "bochs": start_bochs}
