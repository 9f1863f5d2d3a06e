# SPDX-License-Identifier: Apache-2.0
"""A strict reader of OpenMetrics 1.0 text, for tests: whatever is not by the specification is a ValueError."""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)\Z")
SUFFIXES = {
    "counter": {"_total", "_created"},
    "gauge": {""},
    "info": {"_info"},
    "histogram": {"_bucket", "_count", "_sum", "_created"},
    "unknown": {""},
}


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help = name, None, None, None
        self.samples = []  # (name, labels, value), in order

    def value(self, **labels):
        """The value of the one sample with just these labels."""
        found = [value for _, have, value in self.samples if have == labels]
        if len(found) != 1:
            raise KeyError(f"{self.name}{labels}")
        return found[0]


def check(condition, text):
    if not condition:
        raise ValueError(text)


def parse(text):
    """The families of a text, by name."""
    check(text.endswith("# EOF\n"), "the text does not end with # EOF")
    families, current = {}, None
    for line in text[: -len("# EOF\n")].split("\n")[:-1]:
        check(line and line == line.strip(" ") and "\t" not in line, f"bad space: {line!r}")
        if line.startswith("#"):
            current = _descriptor(line, families, current)
        else:
            check(current, f"a sample before any family: {line!r}")
            _sample(line, current)
    for family in families.values():
        check(family.type and family.help is not None, f"{family.name} has no TYPE or no HELP")
        check(family.samples, f"{family.name} has no samples")
        if family.unit is not None:
            check(family.name.endswith("_" + family.unit), f"{family.name} does not end in its unit")
        _check_samples(family)
    return families


def _descriptor(line, families, current):
    parts = line.split(" ", 3)
    check(len(parts) == 4 and parts[0] == "#" and parts[1] in ("TYPE", "HELP", "UNIT"), f"bad comment: {line!r}")
    _, word, name, text = parts
    check(NAME.fullmatch(name), f"bad name: {name!r}")
    if current is None or current.name != name:
        check(name not in families, f"{name} is in two places")
        current = families[name] = Family(name)
    check(not current.samples, f"{word} of {name} behind its samples")
    check(getattr(current, word.lower()) is None, f"{word} of {name} twice")
    if word == "TYPE":
        check(text in SUFFIXES, f"unknown type {text!r}")
    check(not re.search(r'\\[^\\"n]', text), f"bad escape in {line!r}")
    setattr(current, word.lower(), text)
    return current


def _sample(line, family):
    name = NAME.match(line).group()
    rest = line[len(name) :]
    labels = {}
    if rest.startswith("{"):
        rest = rest[1:]
        while not rest.startswith("}"):
            found = LABEL.match(rest)
            check(found, f"bad label in {line!r}")
            check(found[1] not in labels, f"label {found[1]} twice in {line!r}")
            labels[found[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[2])
            rest = rest[found.end() :]
            check(rest[:1] in (",", "}"), f"bad labels in {line!r}")
            rest = rest[1:] if rest[0] == "," else rest
        rest = rest[1:]
    check(rest.startswith(" ") and NUMBER.match(rest[1:]), f"bad value in {line!r}")
    check(name.startswith(family.name), f"{name} is not of {family.name}")
    suffix = name[len(family.name) :]
    check(suffix in SUFFIXES[family.type], f"{name} is no sample of a {family.type} {family.name}")
    value = float(rest[1:])
    check(all(each[:2] != (name, labels) for each in family.samples), f"{line!r} is there twice")
    if family.type in ("counter", "histogram"):
        check(value >= 0 and not math.isnan(value), f"negative: {line!r}")
    if family.type == "info":
        check(rest == " 1", f"info metrics are 1: {line!r}")
    family.samples.append((name, labels, value))


def _check_samples(family):
    if family.type != "histogram":
        return
    series = {}
    for name, labels, value in family.samples:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        parts = series.setdefault(key, {"_bucket": [], "_count": None, "_sum": None})
        if name.endswith("_bucket"):
            check("le" in labels, f"{family.name}: a bucket without le")
            bound = labels["le"]
            check(bound == "+Inf" or repr(float(bound)) == bound, f"{family.name}: le={bound!r} is not canonical")
            parts["_bucket"].append((float(bound), value))
        else:
            parts[name[len(family.name) :]] = value
    for key, parts in series.items():
        bounds = [bound for bound, _ in parts["_bucket"]]
        counts = [count for _, count in parts["_bucket"]]
        check(bounds == sorted(set(bounds)) and bounds[-1] == math.inf, f"{family.name}{key}: bounds {bounds}")
        check(counts == sorted(counts), f"{family.name}{key}: buckets are not cumulative")
        check(parts["_count"] == counts[-1] and parts["_sum"] is not None, f"{family.name}{key}: count or sum")
