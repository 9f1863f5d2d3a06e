# SPDX-License-Identifier: Apache-2.0
"""Programs that were built with a sanitizer: whatever any of them reports fails the test in which it did.

CPUMODELD_SANITIZER names the sanitizer: address or thread. What the sanitizer is not for, a test says by `unless_sanitized`.
"""

import os
import pathlib
import shutil
import tempfile
import unittest

NAME = os.environ.get("CPUMODELD_SANITIZER")
TESTS = pathlib.Path(__file__).resolve().parents[1]

# Kilobytes that one may need beside the program: freed memory is kept back for a while, and all of it has a shadow.
MEMORY_KB = 1 << 20 if NAME else 0


def unless_sanitized(reason):
    return unittest.skipIf(NAME, f"not with a sanitizer: {reason}")


class Reports:
    """Where the sanitizers of all programs write, whoever started them and whatever their standard error is."""

    def __init__(self):
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-reports-"))
        self._directory.chmod(0o1777)  # some run as other users
        report = f"log_path={self._directory}/report"
        os.environ |= {
            "ASAN_OPTIONS": f"{report}:detect_stack_use_after_return=1",
            "LSAN_OPTIONS": f"suppressions={TESTS}/LeakSanitizer.supp:print_suppressions=0",
            "TSAN_OPTIONS": f"{report}:suppressions={TESTS}/ThreadSanitizer.supp",
            "UBSAN_OPTIONS": f"{report}:print_stacktrace=1",
            "SWIFT_BACKTRACE": "enable=no",  # the sanitizer has one
        }

    def take(self):
        """What was reported since, as text."""
        files = sorted(self._directory.iterdir())
        texts = [file.read_text(errors="replace") for file in files]
        for file in files:
            file.unlink()
        return "\n".join(texts)

    def remove(self):
        shutil.rmtree(self._directory, ignore_errors=True)
