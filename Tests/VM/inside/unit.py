#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests of the Swift test bundle, and reports them as the other suites are reported.

    unit.py BUNDLE [OPTION]...      options of Swift Testing; --filter KVMTests unless given
"""

import re
import subprocess
import sys

ENDED = re.compile(r"\S+ Test (?!case |run )(?P<name>.+?) (?P<how>passed|failed|skipped)\b(?P<rest>.*)")
ISSUE = re.compile(r"\S+ Test .* recorded an? (known )?issue")
SUM = re.compile(r"\S+ Test run with \d+ tests? .*(passed|failed)")


def run(bundle, options):
    """Runs the tests, and returns an exit status."""
    command = [bundle, "--testing-library", "swift-testing", *options]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    summed = explaining = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tests:
        for line in tests.stdout:
            ended = ENDED.match(line)
            summed = summed or SUM.match(line) is not None
            if ended:
                counts[ended["how"]] += 1
                word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}[ended["how"]]
                reason = ended["rest"] if word == "skip" else ""
                print(f"{word:4}  {ended['name']}{reason}", flush=True)
            explaining = ISSUE.match(line) or "Fatal error" in line or (explaining and line.startswith("↳"))
            if explaining:
                print(f"        {line.rstrip()}", flush=True)
    if not summed:
        print(f"FAIL  the test bundle ended with {tests.returncode} and without its sum")
        counts["failed"] += 1
    print(", ".join(f"{number} {word}" for word, number in counts.items()))
    return 1 if counts["failed"] or tests.returncode else 0


def main():
    bundle, *options = sys.argv[1:]
    return run(bundle, options or ["--filter", "KVMTests"])


if __name__ == "__main__":
    sys.exit(main())
