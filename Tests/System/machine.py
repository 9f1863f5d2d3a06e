# SPDX-License-Identifier: Apache-2.0
"""Boots the small Debian on an emulated AMD host, with Debian's kernel and real kvm_amd: see Tests/VM."""

import dataclasses
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/VM"))

import debian  # noqa: E402
import machines  # noqa: E402
from container import MASKED, SHARED, UNIT  # noqa: E402
from initramfs import Archive  # noqa: E402

import rootfs  # noqa: E402

HOST = machines.MACHINES[0]
SPARE_MEGABYTES = 300  # for what is installed and written


def image(tree):
    """The tree as a disk, made once; what a run writes to it goes into a file of its own."""
    disk = tree.with_suffix(".ext4")
    if not disk.exists():
        rootfs.install(mke2fs="e2fsprogs")
        size = int(rootfs.run(["du", "-sm", tree], capture_output=True).stdout.split()[0]) + SPARE_MEGABYTES
        work = disk.with_suffix(".new")
        rootfs.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, work, f"{size}M"])
        work.rename(disk)
    return disk


def write_initramfs(path, kernel, job):
    """What mounts the disk, loads KVM's modules, and puts the job into /run, before systemd is started."""
    with open(path, "wb") as file:
        archive = Archive(file)
        archive.file("/bin/busybox", shutil.which("busybox"), 0o755)
        for name in ("irqbypass", "kvm", "kvm-amd"):
            archive.file(f"/modules/{name}.ko", kernel.modules[name])
        archive.tree("/job", job)
        archive.link("/job/output", "/dev/ttyS1")
        archive.data("/job/verdict", b"exact\n")  # of this KVM
        archive.file(f"/units/{UNIT}", job / UNIT)
        for unit in MASKED:
            archive.link(f"/units/{unit}", "/dev/null")
        init = (ROOT / "Tests/System/inside/init").read_text().replace("@SHARED@", SHARED)
        archive.data("/init", init.encode(), 0o755)
        archive.end()


@dataclasses.dataclass(frozen=True)
class Host(machines.Machine):
    """The emulated host, with a disk."""

    disk: pathlib.Path

    def boot(self, kernel, initramfs, work, limit):
        command = machines.start_qemu(self, kernel, initramfs, work)
        append = command.index("-append") + 1
        command[append] += f" systemd.unit={UNIT} systemd.show_status=no"
        command += ["-drive", f"file={self.disk},format=raw,if=none,id=disk,snapshot=on"]
        command += ["-device", "nvme,drive=disk,serial=disk"]
        return machines.Run(self, command, work, limit)


def boot(tree, job, limit, line):
    """Runs the job's unit to its end, and gives `line` each line that it says; its exit status, or None."""
    try:
        debian.install({HOST.emulator})
        kernel = debian.kernel()
    except debian.Unprepared as error:
        raise rootfs.Unprepared(str(error)) from error
    work = job.with_suffix(".machine")
    work.mkdir()
    try:
        write_initramfs(work / "initramfs", kernel, job)
        host = Host(HOST.name, HOST.vendor, HOST.emulator, HOST.cpu, image(tree))
        run = host.boot(kernel, work / "initramfs", work, limit)
        run.follow(line)
        if run.console.exists():
            shutil.copy(run.console, job / "console")
        return None if run.timed_out else run.status()
    finally:
        shutil.rmtree(work)
