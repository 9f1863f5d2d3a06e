# SPDX-License-Identifier: Apache-2.0
"""The figures of one run, as text while they come in and as JSON in the end.

Machines are noisy: a figure is a median, and what counts is its ratio to a reference measured in the same run.
"""

import json


class Report:
    def __init__(self):
        self.figures, self.skipped = [], []

    def section(self, title):
        print(f"\n{title}", flush=True)

    def skip(self, name, why):
        self.skipped.append({"name": name, "why": why})
        print(f"  {name:<44} skipped: {why}", flush=True)

    def time(self, name, samples, *, against=None, reference=None, at_most=None, slack=0, at_least=None):
        """A time in microseconds.

        `at_most` is the target for ours divided by the reference, with `slack` microseconds added to it; `at_least` the
        one for the reference divided by ours.
        """
        figure = {"name": name, "unit": "us", **samples}
        text = f"  {name:<44} {micro(samples['median']):>10}  p99 {micro(samples['p99']):>10}"
        if reference:
            ratio = samples["median"] / reference["median"]
            figure |= {"against": against, "reference": reference, "ratio": round(ratio, 4)}
            words = f"{ratio:.2f} x" if ratio >= 1 else f"1/{1 / ratio:.1f} of"
            text += f"   {words} {against} ({micro(reference['median'])})"
            if at_most is not None:
                limit = at_most * reference["median"] + slack
                self._judge(figure, f"{at_most} x" + (f" + {micro(slack)}" if slack else ""), samples["median"] <= limit)
            if at_least is not None:
                self._judge(figure, f"{at_least} times faster", ratio <= 1 / at_least)
        elif at_most is not None:
            self._judge(figure, f"at most {micro(at_most)}", samples["median"] <= at_most)
        self._add(figure, text)

    def value(self, name, value, unit, *, at_most=None, note=""):
        figure = {"name": name, "unit": unit, "value": value}
        if at_most is not None:
            self._judge(figure, f"at most {at_most} {unit}", value <= at_most)
        self._add(figure, f"  {name:<44} {value:>10,.6g} {unit}{'   ' + note if note else ''}")

    def growth(self, name, points, unit, at_most=1.15):
        """How a cost grows with a size: `points` are (size, cost). The exponent between the two largest sizes, where
        constant costs weigh least, says it: 1 is linear."""
        import math

        (small, cheap), (large, dear) = points[-2:]
        exponent = math.log(dear / cheap) / math.log(large / small)
        figure = {"name": name, "unit": unit, "points": points, "exponent": round(exponent, 3)}
        self._judge(figure, "linear or better", exponent <= at_most)
        listed = ", ".join(f"{size:,}: {cost:,.4g}" for size, cost in points)
        self._add(figure, f"  {name}, {unit}: {listed}; grows by size^{exponent:.2f}")

    def _judge(self, figure, target, met):
        figure |= {"target": target, "met": met}

    def _add(self, figure, text):
        if "target" in figure:
            text += f"   [{figure['target']}: {'met' if figure['met'] else 'NOT MET'}]"
        self.figures.append(figure)
        print(text, flush=True)

    def finish(self, path):
        judged = [figure for figure in self.figures if "target" in figure]
        missed = [figure["name"] for figure in judged if not figure["met"]]
        print(f"\n{len(judged) - len(missed)} of {len(judged)} targets met" + (f"; not: {', '.join(missed)}" if missed else ""))
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"figures": self.figures, "skipped": self.skipped}, file, indent=1)
                file.write("\n")
            print(f"figures in {path}")


def micro(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f} s"
    return f"{value / 1e3:.2f} ms" if value >= 1e3 else f"{value:.1f} us"
