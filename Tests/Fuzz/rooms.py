#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the rooms of the fuzz package are those of the main one: its manifest has to name them again."""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def rooms(manifest):
    """What each target may see, by name."""
    text = re.sub(r"\s+", " ", manifest.read_text())
    found = re.findall(r'room\( ?"(\w+)"(?:, \[([^\]]*)\])? ?\)', text)
    return {name: sorted(re.findall(r"\w+", dependencies)) for name, dependencies in found}


def main():
    ours, theirs = rooms(HERE / "Package.swift"), rooms(HERE.parents[1] / "Package.swift")
    wrong = [name for name in ours if name != "FuzzChecks" and ours[name] != theirs.get(name)]
    for name in wrong:
        print(f"Tests/Fuzz/Package.swift: {name} sees {ours[name]}, and in the main package {theirs.get(name)}")
    if not set(ours) & set(theirs):
        print("Tests/Fuzz/rooms.py: no rooms were found")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
