# SPDX-License-Identifier: Apache-2.0
"""The figures of one run, as text while they come in and as JSON in the end.

Machines are noisy: a figure is a median, and what counts is its ratio to a reference measured in the same run.
"""

import itertools
import json
import math


class Report:
    def __init__(self):
        self.figures, self.skipped = [], []
        self._section = ""

    def section(self, title):
        self._section = title
        print(f"\n{title}", flush=True)

    def skip(self, name, why):
        self.skipped.append({"section": self._section, "name": name, "why": why})
        print(f"  {name:<44} skipped: {why}", flush=True)

    def time(self, name, samples, *, against=None, reference=None, at_most=None, slack=0, at_least=None, within=None):
        """A time in microseconds.

        `at_most` is the target for ours divided by the reference, with `slack` microseconds added to it; `at_least` the
        one for the reference divided by ours; `within` one in microseconds.
        """
        figure = {"name": name, "unit": "us", **samples}
        text = f"  {name:<44} {micro(samples['median']):>10}  p99 {micro(samples['p99']):>10}"
        if reference:
            ratio = samples["median"] / reference["median"]
            figure |= {"against": against, "reference": reference, "ratio": round(ratio, 4)}
            text += f"   {times(ratio)} {against} ({micro(reference['median'])}, p99 {micro(reference['p99'])})"
        if at_most is not None:
            limit = at_most * reference["median"] + slack
            self._judge(figure, f"at most {at_most} x" + (f" + {micro(slack)}" if slack else ""), samples["median"] <= limit)
        if at_least is not None:
            self._judge(figure, f"at least {at_least} times faster", ratio <= 1 / at_least)
        if within is not None:
            self._judge(figure, f"within {micro(within)}", samples["median"] <= within)
        self._add(figure, text)

    def value(self, name, value, unit, *, against=None, reference=None, at_most=None, note=""):
        figure = {"name": name, "unit": unit, "value": value}
        text = f"  {name:<44} {value:>10,.6g} {unit}"
        if reference:
            figure |= {"against": against, "reference": reference, "ratio": round(value / reference, 4)}
            text += f"   {times(value / reference)} {against} ({reference:,.6g})"
        if at_most is not None:
            self._judge(figure, f"at most {at_most} {unit}", value <= at_most)
        self._add(figure, text + (f"   {note}" if note else ""))

    def rate(self, name, load, *, against, reference):
        """Calls a second, and the latency at that rate, as c/load.c tells them."""
        figure = {"name": name, "unit": "calls/s", "value": load["callsPerSecond"], "latency": load["latency"]}
        ratio = load["callsPerSecond"] / reference["callsPerSecond"]
        figure |= {"against": against, "reference": reference, "ratio": round(ratio, 4)}
        text = f"  {name:<44} {load['callsPerSecond']:>10,.0f} calls/s  p99 {micro(load['latency']['p99']):>10}"
        text += f"   {times(ratio)} {against} ({reference['callsPerSecond']:,.0f}, p99 {micro(reference['latency']['p99'])})"
        self._add(figure, text)

    def cost(self, name, **counts):
        """What one request takes, by kind; None for what could not be counted."""
        counts = {kind: round(count, 2) for kind, count in counts.items() if count is not None}
        words = {"allocations": "allocations", "bytes": "bytes", "systemCalls": "system calls", "instructions": "instructions"}
        listed = ", ".join(f"{count:,.0f} {words[kind]}" for kind, count in counts.items())
        self._add({"name": name, "unit": "a request", **counts}, f"  {name:<44} {listed}")

    def growth(self, name, points, unit, at_most=1.15):
        """How a cost grows with a size: `points` have `size` and `median`, times also `p99` and `least`, and `busy` where
        the processor time of ours is known.

        The exponent between the two largest sizes, where constant costs weigh least, says it: 1 is linear. It is that of
        processor time, or of the shortest times: what else the machine does only makes the others longer.
        """
        small, large = points[-2:]
        cheap, dear = (point.get("busy", point.get("least", point["median"])) for point in (small, large))
        exponent = math.log(dear / cheap) / math.log(large["size"] / small["size"])
        figure = {"name": name, "unit": unit, "points": points, "exponent": round(exponent, 3)}
        self._judge(figure, "linear or better", exponent <= at_most)
        listed = ", ".join(f"{point['size']:,}: {point['median']:,.4g}" for point in points)
        self._add(figure, f"  {name}, {unit}: {listed}; grows by size^{exponent:.2f}")

    def _judge(self, figure, target, met):
        figure |= {"target": target, "met": met}

    def _add(self, figure, text):
        if "target" in figure:
            text += f"   [{figure['target']}: {met(figure)}]"
        self.figures.append({"section": self._section, **figure})
        print(text, flush=True)

    def finish(self, path):
        judged = [figure for figure in self.figures if "target" in figure]
        if judged:
            print("\nTargets")
        for section, figures in itertools.groupby(judged, key=lambda figure: figure["section"]):
            print(f"  {section}")
            for figure in figures:
                print(f"    {met(figure):<8} {figure['name']}: {figure['target']}; {found(figure)}")
        print(f"\n{sum(figure['met'] for figure in judged)} of {len(judged)} targets met")
        if not all(figure["met"] for figure in judged):
            print("What the limit of the others is, and how it was found: Tests/Benchmarks/README.md, Targets.")
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"figures": self.figures, "skipped": self.skipped}, file, indent=1)
                file.write("\n")
            print(f"figures in {path}")


def found(figure):
    """What a target is judged by, in words."""
    if "exponent" in figure:
        return f"size^{figure['exponent']:.2f}"
    if "value" in figure:
        return f"{figure['value']:,.4g} {figure['unit']}"
    text = micro(figure["median"])
    if "ratio" in figure:
        text += f", {times(figure['ratio'])} {figure['against']} ({micro(figure['reference']['median'])})"
    return text


def met(figure):
    return "met" if figure["met"] else "NOT MET"


def times(ratio):
    return f"{ratio:.2f} x" if ratio >= 1 else f"1/{1 / ratio:.1f} of"


def micro(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f} s"
    return f"{value / 1e3:.2f} ms" if value >= 1e3 else f"{value:.1f} us"


def summary(samples):
    """What is reported of times in microseconds."""
    ordered = sorted(samples)
    return {
        "median": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)], 2),
        "least": round(ordered[0], 2),
        "count": len(ordered),
    }
