"""Figures of runs with their intervals, one line each, as a plot."""

import math
from collections.abc import Sequence
from typing import Any

from longtake.evaluation.bootstrap import Interval
from longtake.evaluation.report.looks import colour

WIDTH, LINE, LETTER = 420, 26, 7


def whiskers(rows: Sequence[tuple[str, float, Interval | None]], coloured: bool = True) -> dict[str, Any]:
    """What the template wants: of each run its name, J&F, and the interval where there is one.

    coloured: whether each has a colour of its own, as in other plots of a page.
    """
    known = [value for _, figure, span in rows for value in (figure, *(span or ())) if not math.isnan(value)]
    low, high = (math.floor(min(known, default=0) * 10) / 10, math.ceil(max(known, default=1) * 10) / 10)
    high = max(high, low + 0.1)

    def place(value: float) -> float:
        return WIDTH * (value - low) / (high - low)

    lines = [
        {
            "name": name,
            "value": figure,
            "at": place(figure),
            "span": None if span is None else (place(span[0]), place(span[1])),
            "colour": colour(i if coloured else 0),
        }
        for i, (name, figure, span) in enumerate(rows)
        if not math.isnan(figure)
    ]
    steps = round((high - low) * 10)
    ticks = [(WIDTH * k / steps, f"{low + k / 10:.1f}") for k in range(steps + 1)]
    margin = 20 + LETTER * max((len(name) for name, _, _ in rows), default=0)
    return {"margin": margin, "width": WIDTH, "line": LINE, "lines": lines, "ticks": ticks}
