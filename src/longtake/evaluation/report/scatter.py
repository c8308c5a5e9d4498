"""F against J and V against J&F of every object, as plots (LVOS, figure 6)."""

from collections.abc import Sequence
from typing import Any

from longtake.evaluation.correlation import PAIRS, correlation, figure
from longtake.evaluation.evaluate import RunResult
from longtake.evaluation.report.looks import colour, mark

SIDE = 300
HIGHEST = {"V": 0.5}
"""Where an axis ends; of others at 1."""


def plots(runs: Sequence[RunResult]) -> dict[str, Any]:
    """What the template of plots wants."""
    return {"side": SIDE, "pairs": [_plot(runs, *pair) for pair in PAIRS]}


def _plot(runs: Sequence[RunResult], x: str, y: str) -> dict[str, Any]:
    ends = {name: HIGHEST.get(name, 1.0) for name in (x, y)}
    series = []
    for i, run in enumerate(runs):
        points = [
            {
                "title": f"{thing.name}: {x} {figure(thing, x):.3f}, {y} {figure(thing, y):.3f}",
                "x": SIDE * figure(thing, x) / ends[x],
                "y": SIDE * (1 - figure(thing, y) / ends[y]),
            }
            for thing in run.objects
        ]
        series.append(
            {
                "name": run.name,
                "colour": colour(i),
                "mark": mark(i),
                "points": points,
                "r": correlation(run.objects, x, y),
            }
        )
    ticks = {name: [(k / 5, f"{end * k / 5:.1f}") for k in range(6)] for name, end in ends.items()}
    return {"x": x, "y": y, "series": series, "across": ticks[x], "up": ticks[y]}
