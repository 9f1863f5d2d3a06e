#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads KVM's vendor module anew without nested virtualization, and runs the test that knows both ways.

    unnested.py BUNDLE      the other way is how `init` loads it, when the suite `unit` runs
"""

import pathlib
import subprocess
import sys

import unit

MODULES = pathlib.Path("/sys/module")
TEST = "h43"


def reload(module, nested):
    subprocess.run(["rmmod", module.replace("_", "-")], check=True)
    subprocess.run(["insmod", f"/modules/{module.replace('_', '-')}.ko", f"nested={nested}"], check=True)


def main():
    module = next(name for name in ("kvm_amd", "kvm_intel") if (MODULES / name).exists())
    reload(module, 0)
    try:
        value = (MODULES / module / "parameters/nested").read_text().strip()
        print(f"{module} with nested={value}")
        return unit.run(sys.argv[1], ["--filter", TEST])
    finally:
        reload(module, 1)


if __name__ == "__main__":
    sys.exit(main())
