#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a manual page of one of the .in files here:

    generate.py PAGE.in DIRECTORY...

Lines such as `.\\" @verbs cpumodelctl` are replaced by what a program says of itself, the shipped configuration, a
header or a document, so that no page can say anything else. Programs are looked for in the directories, in this order.
"""

import pathlib
import re
import sys

import configuration
import header
import markdown
import options

ROOT = pathlib.Path(__file__).resolve().parents[2]


def text(path):
    return (ROOT / path).read_text()


def generated(word, argument, find):
    """The lines that a directive stands for."""
    match word:
        case "usage":
            return options.of_usage(find(argument))
        case "usage-exit-status":
            return options.exit_status_of_usage(find(argument))
        case "options":
            return options.options(find(argument))
        case "verbs":
            return options.verbs(find(argument))
        case "exit-status":
            return options.exit_status_of_discussion(find(argument))
        case "configuration":
            return configuration.keys(text(argument))
        case "configuration-introduction":
            return configuration.introduction(text(argument))
        case "part":
            return markdown.part(text(argument))
        case "header":
            return header.declarations(text(argument))
        case "header-introduction":
            return markdown.part(header.introduction(text(argument)))
    raise ValueError(f"@{word} is no directive")


def main(page, *directories):
    def find(program):
        return next(path for path in (pathlib.Path(folder) / program for folder in directories) if path.exists())

    for line in pathlib.Path(page).read_text().splitlines():
        directive = re.match(r'\.\\" @(\S+) (\S+)$', line)
        print("\n".join(generated(*directive.groups(), find)) if directive else line)


if __name__ == "__main__":
    main(*sys.argv[1:])
