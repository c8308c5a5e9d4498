"""One page with everything to look at: figures, curves, every object over time, the worst frames. Needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from longtake.data.attributes import ATTRIBUTES
from longtake.evaluation.attributes import sources
from longtake.evaluation.bootstrap import LEVEL
from longtake.evaluation.evaluate import Evaluation, RunResult
from longtake.evaluation.report.html import html, write_html
from longtake.evaluation.report.looks import colour
from longtake.evaluation.report.pictures import HIT, MISSED, MISTAKEN, worst_frames
from longtake.evaluation.report.scatter import plots

WORST = 12
SPARK = (180, 30)
CURVE = (560, 260)
POINTS = 180
"""Points of a sparkline; of longer tracks the lowest of each part is shown."""


def write_page(path: Path, evaluation: Evaluation, facts: Mapping[str, str] | None = None, about: str = "") -> None:
    """A self-contained HTML file, whole or not at all. Raises OutputError.

    facts: figures more, such as speed. about: what ran, and how.
    """
    write_html(path, page(evaluation, facts or {}, about))


def page(evaluation: Evaluation, facts: Mapping[str, str], about: str = "") -> str:
    """The page as text."""
    return html("longtake.evaluation.report", {**_content(evaluation, facts), "about": about})


def _content(evaluation: Evaluation, facts: Mapping[str, str]) -> dict[str, Any]:
    runs = list(evaluation.runs)
    first = runs[0]
    rgb = {"hit": HIT, "missed": MISSED, "mistaken": MISTAKEN}
    return {
        "evaluation": evaluation,
        "facts": facts,
        "runs": [{"run": run, "colour": colour(i), "curve": curve(run)} for i, run in enumerate(runs)],
        "names": list(first.totals),
        "attributes": [_attribute(code, runs) for code in first.by_attribute],
        "sources": sources(evaluation.attributes),
        "level": LEVEL,
        "rows": [_row(objects) for objects in zip(*(run.objects for run in runs), strict=True)],
        "measures": [name for name in first.objects[0].figures if name in first.totals],
        "plots": plots(runs),
        "spark": SPARK,
        "curve_size": CURVE,
        "worst": worst_frames(evaluation.dataset, first.files, first.objects, evaluation.protocol, WORST),
        "legend": {name: f"rgb{colour}" for name, colour in rgb.items()},
    }


def _attribute(code: str, runs: Sequence[RunResult]) -> dict[str, Any]:
    known = ATTRIBUTES.get(code)
    told = {"name": known.name, "definition": known.definition} if known else {"name": "", "definition": ""}
    return {"code": code, **told, "parts": [run.by_attribute[code] for run in runs]}


def _row(objects: Sequence[Any]) -> dict[str, Any]:
    lines = [{"colour": colour(i), "points": sparkline(thing.track.j)} for i, thing in enumerate(objects)]
    return {"thing": objects[0], "others": objects[1:], "lines": lines}


def sparkline(values: Sequence[float]) -> list[tuple[float, float]]:
    """J over time, 0 at the bottom and 1 at the top of a sparkline."""
    width, height = SPARK
    parts = [float(np.min(part)) for part in np.array_split(np.asarray(values), min(POINTS, len(values)))]
    step = width / max(1, len(parts) - 1)
    points = [(i * step, height * (1 - value)) for i, value in enumerate(parts)]
    return points if len(points) > 1 else [*points, (width, points[0][1])]


def curve(run: RunResult) -> list[tuple[float, float]]:
    """J of all objects in all frames, sorted, over percentiles (as figure 7 of the STM paper)."""
    width, height = CURVE
    values = np.concatenate([thing.track.j for thing in run.objects])
    percentiles = np.linspace(0, 100, 201)
    heights = np.percentile(values, percentiles)
    return [(width * p / 100, height * (1 - float(v))) for p, v in zip(percentiles, heights, strict=True)]
