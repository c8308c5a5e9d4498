"""Results as JSON, for programs, and as CSV, for tables.

Figures are fractions; what is not a number is null or empty.
"""

import csv
import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtake.evaluation.bootstrap import DRAWS, LEVEL
from longtake.evaluation.evaluate import Evaluation, RunResult
from longtake.evaluation.protocols import Protocol
from longtake.evaluation.results import MEASURES, AttributeResult, ObjectResult
from longtake.video.sinks import output
from longtake.video.whole import whole

SCORES = "scores.json"
"""The file of a benchmark that holds all of it."""


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, in plain values. The figures of the first run stand at the top, as if it were the only one."""
    data = evaluation.dataset
    first, *others = evaluation.runs
    content: dict[str, Any] = {
        "protocol": _protocol(evaluation.protocol),
        "data": {
            "root": str(data.root),
            "layout": data.layout,
            "split": data.split,
            "year": data.year,
            "videos": len(data.videos),
        },
        **_run(first),
        "notes": list(evaluation.notes),
    }
    if labels := evaluation.attributes:
        content["attributes"] = {video: list(own.codes) for video, own in labels.items()}
        content["attributes_from"] = {video: "people" if own.given else "masks" for video, own in labels.items()}
    if others:
        content["run"] = first.name
        content["other_runs"] = {run.name: _run(run) for run in others}
        content["differences"] = {
            d.name: {
                "global": plain(d.figures),
                "intervals": {name: span for name, span in d.intervals.items() if name in d.figures},
                "objects_better": d.better,
                "objects_worse": d.worse,
            }
            for d in evaluation.differences
        }
    return content


def _protocol(protocol: Protocol) -> dict[str, Any]:
    words = dataclasses.asdict(protocol)
    words |= {kind: [defect.value for defect in getattr(protocol, kind)] for kind in ("defects", "repeats")}
    return {**words, "rules": protocol.rules()}


def _run(run: RunResult) -> dict[str, Any]:
    return {
        "global": plain(run.totals),
        "intervals": {"percent": LEVEL, "draws": DRAWS, **{k: v for k, v in run.intervals.items() if k in run.totals}},
        "objects": {thing.name: _object(thing) for thing in run.objects},
        **(
            {"by_attribute": {code: _part(part) for code, part in run.by_attribute.items()}} if run.by_attribute else {}
        ),
    }


def _part(part: AttributeResult) -> dict[str, Any]:
    return {"videos": part.videos, "objects": part.objects, **plain(part.figures)}


def _object(thing: ObjectResult) -> dict[str, Any]:
    values = {"J": thing.track.j, "F": thing.track.f}
    measures = {
        measure: {
            **plain({key: thing.figures[name] for key, name in _names(measure).items()}),
            "per_frame": values[measure],
        }
        for measure in values
    }
    return {"group": thing.group, "frames": thing.track.frames, **measures, "V": plain(thing.figures)["V"]}


def _names(measure: str) -> dict[str, str]:
    return {"mean": measure, "recall": f"{measure}_recall", "decay": f"{measure}_decay"}


def plain(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as JSON has them: null where there is no number."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A file of plain values, whole or not at all. Raises OutputError."""
    with output(path), whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_csv(path: Path, evaluation: Evaluation) -> None:
    """A row per run and object, and one per run for all objects together; whole or not at all. Raises OutputError.

    The last column holds the attributes of an object's video, where those of any are known.
    """
    labels = evaluation.attributes
    columns = ["run", "video", "id", "group", "frames", "J&F", *MEASURES]
    with (
        output(path),
        whole(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*columns, *(["attributes"] if labels else [])])
        for run in evaluation.runs:
            frames = sum(len(thing.track.frames) for thing in run.objects)
            figures = {name: run.totals.get(name, math.nan) for name in columns[5:]}
            table.writerow([run.name, "", "", "", frames, *_cells(figures), *([""] if labels else [])])
            for thing in run.objects:
                own = {"J&F": thing.overall, **thing.figures}
                codes = [" ".join(labels[thing.video].codes if thing.video in labels else ())] if labels else []
                place = [run.name, thing.video, thing.id, thing.group, len(thing.track.frames)]
                table.writerow([*place, *_cells(own), *codes])


def _cells(figures: Mapping[str, float]) -> list[str]:
    return ["" if math.isnan(value) else f"{value:.6f}" for value in figures.values()]
