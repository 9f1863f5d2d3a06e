# SPDX-License-Identifier: Apache-2.0
"""What the emulated hosts take from Debian: the emulators, busybox, and a kernel with its KVM."""

import os
import pathlib
import shutil
import subprocess

# Its image is packed with LZ4, which is unpacked quickly even by an emulated CPU.
KERNEL = "linux-image-cloud-amd64"
MODULES = ("irqbypass", "kvm", "kvm-amd", "kvm-intel")

TOOLS = {"busybox": "busybox-static", "strip": "binutils"}
EMULATORS = {
    "qemu": {"qemu-system-x86_64": "qemu-system-x86", "/usr/share/seabios/bios-256k.bin": "seabios"},
    "bochs": {
        "bochs-bin": "bochs",
        "/usr/share/bochs/BIOS-bochs-latest": "bochsbios",
        "/usr/share/bochs/VGABIOS-lgpl-latest": "vgabios",
        "/usr/lib/ISOLINUX/isolinux.bin": "isolinux",
        "/usr/lib/syslinux/modules/bios/ldlinux.c32": "syslinux-common",
        "xorriso": "xorriso",
    },
}


class Unprepared(Exception):
    """Something cannot be had here; the message says what to do."""


def cache():
    folder = os.environ.get("CPUMODELD_VM_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(folder) if folder else pathlib.Path(home) / "cpumodeld-vm"
    path.mkdir(parents=True, exist_ok=True)
    return path.absolute()


def install(emulators):
    """Installs what these emulators need and this machine does not have."""
    wanted = dict(TOOLS)
    for emulator in emulators:
        wanted.update(EMULATORS[emulator])
    missing = sorted({package for thing, package in wanted.items() if not is_there(thing)})
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Unprepared(f"this needs Debian's packages {' '.join(missing)}, and there is no apt-get here")
    print(f"installing {' '.join(missing)}", flush=True)
    apt = ["apt-get"] if os.geteuid() == 0 else ["sudo", "apt-get"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*apt, "update", "-qq"])
    run([*apt, "install", "-y", "-qq", "--no-install-recommends", *missing], env=environment)


def is_there(thing):
    return os.path.exists(thing) if thing.startswith("/") else shutil.which(thing) is not None


class Kernel:
    """A kernel of Debian's, unpacked in the cache and not installed."""

    def __init__(self, folder):
        self.version = folder.name
        self.image = next(folder.glob("vmlinuz-*"))
        self.modules = {name: folder / f"{name}.ko" for name in MODULES}


def kernel():
    """The newest kernel that this machine's Debian has, fetched once."""
    package = newest_kernel()
    folder = cache() / package
    if not folder.exists():
        print(f"fetching {package}", flush=True)
        fetch(package, folder)
    return Kernel(folder)


def newest_kernel():
    listing = run(["apt-cache", "depends", KERNEL], capture_output=True, text=True).stdout
    for line in listing.splitlines():
        kind, _, package = line.strip().partition(": ")
        if kind == "Depends":
            return package
    raise Unprepared(f"apt knows no {KERNEL}: run apt-get update, and have Debian's main archive in its sources")


def fetch(package, folder):
    work = folder.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], cwd=work)
    run(["dpkg-deb", "--extract", next(work.glob("*.deb")), work / "root"])
    for image in (work / "root/boot").glob("vmlinuz-*"):
        image.rename(work / image.name)
    for name in MODULES:
        unpack_module(next((work / "root").rglob(f"{name}.ko*")), work / f"{name}.ko")
    shutil.rmtree(work / "root")
    work.rename(folder)


def unpack_module(packed, module):
    tool = {".ko": "cat", ".xz": "xzcat", ".zst": "zstdcat"}[packed.suffix]
    with open(module, "wb") as file:
        run([tool, packed], stdout=file)


def run(command, **options):
    try:
        return subprocess.run(command, check=True, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unprepared(f"{' '.join(map(str, command))}: {error}") from error
