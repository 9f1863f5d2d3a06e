#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the programs of a release build; README.md says what is measured and against what.

    run.py DIRECTORY [--json FILE] [--only SECTION]...
"""

import argparse

import costs
import fleet
import growth
import limits
import peers
from report import Report
from tools import Bench

SECTIONS = {
    "round-trips": limits.round_trips,
    "connections": limits.connections,
    "apply": limits.applying,
    "start": limits.start,
    "memory": limits.memory,
    "fleet": fleet.fleet,
    "guests": fleet.guests,
    "qemu": peers.qmp,
    "libvirt": peers.libvirt,
    "in-process": growth.in_process,
    "catalog": growth.catalog,
    "registered": growth.registered,
    "costs": costs.costs,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="where the release programs are")
    parser.add_argument("--json", help="the file for the figures as JSON")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a section; can be repeated")
    options = parser.parse_args()
    bench, report = Bench(options.directory), Report()
    try:
        for name, measure in SECTIONS.items():
            if not options.only or name in options.only:
                measure(bench, report)
        report.finish(options.json)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
