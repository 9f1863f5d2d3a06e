#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests: one line a test, and one line with the sum of them at the end.

    CPUMODELD_BIN_DIR=.build/debug Tests/EndToEnd/run.py [-k PATTERN]...

The binaries are cpumodeld, cpumodelctl and cpumodel-launch; without CPUMODELD_BIN_DIR those
of .build/debug are taken. Tests that need /dev/kvm are skipped where it cannot be used.
"""

import argparse
import fnmatch
import os
import pathlib
import signal
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TEST_TIMEOUT = int(os.environ.get("CPUMODELD_TEST_TIMEOUT") or 60)  # seconds; more for `make soak`
AFTER_TIMEOUT = 10  # between two reminders, should the cleaning up hang too


class Report(unittest.TestResult):
    """One line a test, on standard output; what went wrong below it."""

    def __init__(self, sanitizers=None):
        super().__init__()
        self._sanitizers = sanitizers
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self._started = 0.0
        self._failed = False

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self._check_sanitizers(test)
        self._failed = False

    def addSuccess(self, test):
        self._line("ok", test, "; ".join(getattr(test, "notes", ())))
        self.counts["passed"] += 1

    def addSkip(self, test, reason):
        self._line("skip", test, reason)
        self.counts["skipped"] += 1

    def addFailure(self, test, error):
        lines = self._exc_info_to_string(error, test).splitlines()
        log = getattr(getattr(test, "daemon", None), "log", lambda: "")()
        text = f"{error[0].__name__}: {(str(error[1]).splitlines() or [''])[0]}"
        if self._failed:
            print(f"      and then {text}")
        else:  # a test and its cleaning up may both fail
            self._line("FAIL", test, text)
            self.counts["failed"] += 1
        self._failed = True
        print("\n".join("        " + line for line in lines[:40]))
        if log:
            print("\n".join(["      the daemon's log:", *("        " + line for line in log.splitlines())]))

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addFailure(test, error)

    def stopTestRun(self):
        """After the last test and what was cleaned up behind it."""
        super().stopTestRun()
        self._check_sanitizers("after the tests")

    def _check_sanitizers(self, test):
        """What ends after the last test of a class is counted to the next one's."""
        if self._sanitizers and (reported := self._sanitizers.take()):
            self._line("FAIL", test, "a sanitizer reports")
            self.counts["failed"] += 1
            print("\n".join("        " + line for line in reported.splitlines()[:200]))

    def _line(self, word, test, text):
        name = test.id() if hasattr(test, "id") else str(test)
        took = time.monotonic() - self._started
        slow = f" ({took:.1f} s)" if took > 2 else ""
        print(f"{word:4}  {name}{slow}{': ' + text if text else ''}", flush=True)


def out_of_time(*_):
    raise TimeoutError(f"the test took longer than {TEST_TIMEOUT} s")


def guard(test_case):
    """Gives every test, with its setUp and tearDown, a time limit."""
    run = test_case.run

    def guarded(self, result=None):
        signal.setitimer(signal.ITIMER_REAL, TEST_TIMEOUT, AFTER_TIMEOUT)
        try:
            return run(self, result)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    test_case.run = guarded


def chosen(suite, patterns):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, patterns)
        elif not patterns or any(fnmatch.fnmatch(test.id(), f"*{pattern}*") for pattern in patterns):
            yield test


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="PATTERN", action="append", help="only tests whose name contains PATTERN")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE))
    import sanitizers  # not before: it would leave its bytecode behind

    signal.signal(signal.SIGALRM, out_of_time)
    guard(unittest.TestCase)
    suite = unittest.defaultTestLoader.discover(str(HERE), top_level_dir=str(HERE))
    reports = sanitizers.Reports() if sanitizers.NAME else None
    report = Report(reports)
    unittest.TestSuite(chosen(suite, options.k)).run(report)
    report.stopTestRun()
    counts = report.counts
    if reports:
        reports.remove()
    if sum(counts.values()) == 0:
        print("no test was run")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["failed"] == 0 and counts["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
