# SPDX-License-Identifier: Apache-2.0
"""A small Debian with a systemd of its own, made once from the archive that this machine's apt uses, and cached."""

import os
import pathlib
import re
import shutil
import subprocess

# procps and libstdc++6 are what the package depends on beside libraries; Python runs the test.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "procps", "libstdc++6", "python3")
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


class Unprepared(Exception):
    """Something cannot be had here; the message says what to do."""


def cache():
    folder = os.environ.get("CPUMODELD_VM_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(folder) if folder else pathlib.Path(home) / "cpumodeld-vm"
    path.mkdir(parents=True, exist_ok=True)
    return path.absolute()


def install(**tools):
    """Installs the packages of those tools that are not here."""
    missing = sorted({package for tool, package in tools.items() if not shutil.which(tool.replace("_", "-"))})
    if missing:
        print(f"installing {' '.join(missing)}", flush=True)
        run(["apt-get", "update", "-qq"])
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=environment)


def suite():
    words = dict(re.findall(r'^(\w+)="?([^"\n]*)', pathlib.Path("/etc/os-release").read_text(), re.MULTILINE))
    if words.get("ID") != "debian":
        raise Unprepared("this test installs a Debian package, and so it wants a Debian to take it from")
    return words["VERSION_CODENAME"]


def mirror():
    listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], capture_output=True)
    for address in listing.stdout.decode().splitlines():
        if re.search(r"/debian/?$", address):
            return address
    raise Unprepared("apt has no archive of Debian in its sources")


def tree(name=None):
    """The folder with the Debian of that name, else with this machine's; about 190 MB."""
    name = name or suite()
    folder = cache() / f"debian-{name}"
    if folder.exists():
        return folder
    install(mmdebstrap="mmdebstrap")
    print(f"building a small Debian in {folder}", flush=True)
    work = folder.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    hook = 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*; echo host >"$1/etc/hostname"; : >"$1/etc/machine-id"'
    run([
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", *options,
        f"--customize-hook={hook}", name, work, mirror(),
    ])  # fmt: skip
    work.rename(folder)
    return folder


def run(command, **options):
    try:
        return subprocess.run(command, check=True, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unprepared(f"{' '.join(map(str, command))}: {error}") from error
