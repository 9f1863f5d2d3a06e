# SPDX-License-Identifier: Apache-2.0
"""What a guest of an emulated host boots from: Debian's QEMU, its firmware, Debian's kernel, and a tiny initramfs."""

import io
import pathlib
import shutil

from initramfs import Archive

QEMU = "/usr/bin/qemu-system-x86_64"  # whose place tells it where its firmware is
FIRMWARE = ("/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/kvmvapic.bin", "/usr/share/qemu/linuxboot_dma.bin")
GUEST = "/guest"  # its kernel and initramfs, in the emulated host


def add_vmm(archive, kernel, init):
    """Puts a VMM and what its guest boots from into the emulated host's archive."""
    archive.program(QEMU, QEMU)
    for file in FIRMWARE:
        archive.file(file, file)
    archive.file(f"{GUEST}/vmlinuz", kernel.image)
    archive.data(f"{GUEST}/initramfs", guest(init))


def guest(init):
    file = io.BytesIO()
    archive = Archive(file)
    archive.file("/bin/busybox", shutil.which("busybox"), 0o755)
    archive.data("/init", pathlib.Path(init).read_bytes(), 0o755)
    archive.end()
    return file.getvalue()
