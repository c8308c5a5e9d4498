"""The table of a study, as JSON, CSV, Markdown and a page."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from longtake.evaluation.bootstrap import LEVEL
from longtake.evaluation.report.html import SHARED, html, number, signed
from longtake.evaluation.report.scatter import plots
from longtake.evaluation.report.whiskers import whiskers
from longtake.evaluation.study import RUNS, Outcome, Study
from longtake.video.sinks import output
from longtake.video.whole import whole

FIGURES = ("J&F", "J", "F", "V")
GAIN = "J&F gain"
"""Against the first row."""


def attributes(study: Study) -> list[str]:
    """Those with figures in every run, in the first one's order."""
    runs = [outcome.run for outcome in study.outcomes if outcome.run is not None]
    return [code for code in (runs[0].by_attribute if runs else ()) if all(code in run.by_attribute for run in runs)]


def columns(study: Study) -> list[str]:
    """The table's head: what tells rows apart, speed (frames per second), memory (GB), figures, J&F by attribute."""
    runs = [outcome.run for outcome in study.outcomes if outcome.run is not None]
    known = [name for name in FIGURES if any(name in run.result.totals for run in runs)]
    return ["run", *study.outcomes[0].row.told, "FPS", "GB", *known, GAIN, *attributes(study)]


def cells(study: Study, outcome: Outcome) -> dict[str, str | float]:
    """A row of it, figures as numbers; those that there are not are not a number."""
    row, run = outcome.row, outcome.run
    values: dict[str, str | float] = {"run": row.name, **row.told}
    if run is None:
        return values | dict.fromkeys(columns(study)[len(values) :], math.nan)
    values |= {"FPS": run.speed or math.nan, "GB": (run.memory or math.nan) / 1e9}
    values |= {name: value for name, value in run.result.totals.items() if name in FIGURES}
    values[GAIN] = outcome.against.figures["J&F"] if outcome.against else math.nan
    return values | {code: run.by_attribute[code]["J&F"] for code in attributes(study)}


def written(name: str, value: str | float) -> str:
    """A cell in words."""
    if isinstance(value, str):
        return value
    if name in ("FPS", "GB"):
        return "–" if math.isnan(value) else f"{value:.2f}"
    return signed(value) if name == GAIN else number(value)


def as_json(study: Study) -> dict[str, Any]:
    """All of it in plain values."""
    return {
        "table": study.table,
        "protocol": study.protocol.name,
        "data": study.data,
        "columns": columns(study),
        "rows": [_plain(study, outcome) for outcome in study.outcomes],
        "notes": list(study.notes),
    }


def _plain(study: Study, outcome: Outcome) -> dict[str, Any]:
    values = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in cells(study, outcome).items()}
    spans = {} if outcome.run is None else {k: v for k, v in outcome.run.result.intervals.items() if k in FIGURES}
    against = {} if outcome.against is None else {k: v for k, v in outcome.against.intervals.items() if k in FIGURES}
    folder = None if outcome.run is None else f"{RUNS}/{outcome.row.folder}"
    return {
        **values,
        "intervals": spans,
        "intervals_against": against,
        "folder": folder,
        "not_run": outcome.row.obstacle or None,
    }


def as_markdown(study: Study) -> str:
    """The table, what was not run, and the notes."""
    names = columns(study)
    lines: list[Sequence[str]] = [names, ["---"] * len(names)]
    for outcome in study.outcomes:
        values = cells(study, outcome)
        lines.append([written(name, values[name]).replace("|", "\\|") for name in names])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return "\n\n".join([table, "\n".join(f"- {note}" for note in remarks(study))]) + "\n"


def remarks(study: Study) -> list[str]:
    """Notes, and which rows were not run."""
    left = [f"{each.row.name} was not run: {each.row.obstacle}" for each in study.outcomes if each.row.obstacle]
    where = f"{study.protocol.name} on {study.data}; FPS: frames per second; GB: peak memory; gain: on the first row"
    return [where, *study.notes, *left]


def _as_csv(study: Study) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = columns(study)
    table.writerow([*names, "not run"])
    for outcome in study.outcomes:
        values = (cells(study, outcome)[name] for name in names)
        table.writerow([*(_figure(value) for value in values), outcome.row.obstacle])
    return text.getvalue()


def _figure(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.6f}"


def as_page(study: Study) -> str:
    """A self-contained page."""
    runs = [outcome.run.result for outcome in study.outcomes if outcome.run is not None]
    names = columns(study)
    spans = [(run.name, run.totals["J&F"], run.intervals.get("J&F")) for run in runs]
    content = {
        "study": study,
        "level": LEVEL,
        "names": names,
        "gain": GAIN,
        "rows": [{"outcome": o, "cells": [written(n, cells(study, o)[n]) for n in names]} for o in study.outcomes],
        "whiskers": whiskers(spans, coloured=False),
        "first": runs[0].name if runs else "",
        "plots": plots(runs[:1]),
        "remarks": remarks(study),
    }
    return html(SHARED, content, "table.html")


WRITERS: dict[str, Callable[[Study], str]] = {
    "json": lambda study: json.dumps(as_json(study), indent=1, allow_nan=False) + "\n",
    "csv": _as_csv,
    "md": as_markdown,
    "html": as_page,
}


def write_table(out: Path, study: Study) -> None:
    """table.json, table.csv, table.md and table.html in a folder, each whole. Raises OutputError."""
    for ending, text in [(ending, write(study)) for ending, write in WRITERS.items()]:
        path = out / f"table.{ending}"
        with output(path), whole(path) as partial:
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")
