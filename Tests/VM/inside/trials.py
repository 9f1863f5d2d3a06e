# SPDX-License-Identifier: Apache-2.0
"""Trials one after the other with one daemon, told as Tests/VM/run.py reads it: what each came to, and how many failed."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))

from harness import Daemon  # noqa: E402


class Outcome:
    """What a trial came to: its name, what is wrong, a line about it, and all of it for whoever looks closer."""

    def __init__(self, name, faults, summary, record):
        self.name, self.faults, self.summary = name, faults, summary
        self.record = {**record, "faults": faults}


def run(trials):
    """Runs what `trials(daemon)` yields: outcomes, and remarks that stand at the end, once each. Returns an exit status."""
    counts, remarks = {"passed": 0, "failed": 0}, set()
    daemon = Daemon().start()
    for outcome in trials(daemon):
        if isinstance(outcome, str):
            remarks.add(outcome)
            continue
        counts["failed" if outcome.faults else "passed"] += 1
        about = f": {outcome.summary}" if outcome.summary else ""
        print(f"{'FAIL' if outcome.faults else 'ok  '}  {outcome.name}{about}")
        for fault in outcome.faults:
            print(f"        {fault}")
        print(f"@result {json.dumps(outcome.record)}", flush=True)
    if daemon.stop() != 0:
        print(f"FAIL  the daemon's end\n{daemon.log()}")
        counts["failed"] += 1
    for remark in sorted(remarks):
        print(f"note: {remark}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 0 if counts["passed"] and not counts["failed"] else 1
