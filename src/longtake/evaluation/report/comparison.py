"""A comparison as JSON, as CSV and as a page."""

import csv
from pathlib import Path
from typing import Any

from longtake.evaluation.bootstrap import DRAWS, LEVEL
from longtake.evaluation.compare import MOST, Change, Comparison
from longtake.evaluation.correlation import correlations
from longtake.evaluation.evaluate import Difference
from longtake.evaluation.finished import Finished
from longtake.evaluation.report.files import plain
from longtake.evaluation.report.files import write_json as write_plain
from longtake.evaluation.report.html import SHARED, html, write_html
from longtake.evaluation.report.looks import colour, mark
from longtake.evaluation.report.scatter import plots
from longtake.evaluation.report.whiskers import whiskers
from longtake.video.sinks import output
from longtake.video.whole import whole


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Everything but the values per frame, which the runs' own files hold."""
    first = comparison.runs[0]
    return {
        "protocol": comparison.protocol.name,
        "base": first.result.name,
        "intervals": {"percent": LEVEL, "draws": DRAWS},
        "runs": {run.result.name: _run(run) for run in comparison.runs},
        "differences": {each.name: _difference(each) for each in comparison.differences},
        "objects": {
            name: [thing.overall for thing in things]
            for name, things in (
                (things[0].name, things)
                for things in zip(*(run.result.objects for run in comparison.runs), strict=True)
            )
        },
        "notes": list(comparison.notes),
    }


def _run(run: Finished) -> dict[str, Any]:
    return {
        "scores": str(run.path),
        "global": plain(run.result.totals),
        "intervals": {name: span for name, span in run.result.intervals.items() if name in run.result.totals},
        "frames_per_second": run.speed,
        "peak_memory_bytes": run.memory,
        "by_attribute": {code: plain(own) for code, own in run.by_attribute.items()},
        "correlation": plain(correlations(run.result.objects)),
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "global": plain(each.figures),
        "intervals": {name: span for name, span in each.intervals.items() if name in each.figures},
        "objects_better": each.better,
        "objects_worse": each.worse,
    }


def write_json(path: Path, comparison: Comparison) -> None:
    """Whole or not at all. Raises OutputError."""
    write_plain(path, as_json(comparison))


def write_csv(path: Path, comparison: Comparison) -> None:
    """J&F of each object, a column for each run, the objects' means first. Raises OutputError."""
    runs = comparison.runs
    with output(path), whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["video", "id", *(run.result.name for run in runs)])
        table.writerow(["", "", *(f"{run.result.totals['J&F']:.6f}" for run in runs)])
        for things in zip(*(run.result.objects for run in runs), strict=True):
            table.writerow([things[0].video, things[0].id, *(f"{thing.overall:.6f}" for thing in things)])


def write_page(path: Path, comparison: Comparison) -> None:
    """A self-contained HTML file. Raises OutputError."""
    write_html(path, html(SHARED, _content(comparison), "comparison.html"))


def _content(comparison: Comparison) -> dict[str, Any]:
    runs = comparison.runs
    spans = [(run.result.name, run.result.totals["J&F"], run.result.intervals.get("J&F")) for run in runs]
    return {
        "comparison": comparison,
        "level": LEVEL,
        "names": list(runs[0].result.totals),
        "looks": [{"colour": colour(i), "mark": mark(i)} for i in range(len(runs))],
        "speeds": any(run.speed is not None for run in runs),
        "whiskers": whiskers(spans),
        "ends": {run.result.name: extremes(comparison, run) for run in runs[1:]},
        "plots": plots([run.result for run in runs]),
    }


def extremes(comparison: Comparison, run: Finished) -> dict[str, list[Change]]:
    """The objects that gained and that lost most against the first run."""
    changes = comparison.changes(run)
    best = [change for change in changes if change.gain > 0][:MOST]
    return {"better": best, "worse": [change for change in changes[::-1] if change.gain < 0][:MOST]}
