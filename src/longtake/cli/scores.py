"""An evaluation on the terminal, and in the files that were asked for."""

import math
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from longtake.data.attributes import ATTRIBUTES
from longtake.errors import SettingError
from longtake.evaluation.bootstrap import DRAWS, LEVEL
from longtake.evaluation.evaluate import Evaluation, RunResult
from longtake.evaluation.report.files import as_json, write_csv, write_json

WIDTH = 120
"""Columns where stdout is no terminal."""


def for_tables() -> Console:
    """The terminal; of a fixed width where it is none."""
    return Console() if Console().is_terminal else Console(width=WIDTH)


def show(evaluation: Evaluation) -> None:
    """Figures of each object (of the first run) and of all, differences, the rules, notes."""
    console = for_tables()

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    protocol, data, first = evaluation.protocol, evaluation.dataset, evaluation.runs[0]
    listed = f"{data.year}/{data.split}" if data.year else data.split
    count = f"{len(data.videos)} videos, {len(first.objects)} objects"
    say(f"{protocol.name}: {data.root} ({data.layout}, split {listed}), {count}")
    console.print(_objects(first, console.width))
    console.print(_totals(evaluation))
    if any(run.by_attribute for run in evaluation.runs):
        console.print(_by_attribute(evaluation))
    for difference in evaluation.differences:
        low, high = difference.intervals.get("J&F", (math.nan, math.nan))
        say(
            f"{difference.name} against {first.name}: J&F {difference.figures['J&F']:+.4f} "
            f"({LEVEL} % interval {low:+.4f} to {high:+.4f}, paired); "
            f"{difference.better} objects better, {difference.worse} worse"
        )
    for rule in protocol.rules():
        say(f"  - {rule}")
    for note in evaluation.notes:
        say(f"  note: {note}")


def _objects(run: RunResult, width: int) -> Table:
    """A row per object. width: of the terminal; the figures that it has no room for are left out, decay first."""
    measures = [name for name in run.objects[0].figures if name in run.totals or name != "V"]
    left_out = []
    for kind in ("decay", "recall"):
        if _needed(run, measures) > width:
            measures = [name for name in measures if not name.endswith(kind)]
            left_out.append(kind)
    caption = f"no room for {' and '.join(left_out)}: --csv has them" if left_out else None
    table = Table(title=escape(run.name), title_justify="left", caption=caption)
    table.add_column("object", no_wrap=True, overflow="fold")
    for name in ("frames", "J&F", *measures):
        table.add_column(name, no_wrap=True)
    for thing in run.objects:
        cells = (number(value) for value in (thing.overall, *(thing.figures[name] for name in measures)))
        table.add_row(escape(thing.name), str(len(thing.track.frames)), *cells)
    return table


def _needed(run: RunResult, measures: Sequence[str]) -> int:
    """Columns of a terminal for a table of objects, with the lines between its cells."""
    names = max(len(thing.name) for thing in run.objects)
    return 1 + sum(
        3 + cells for cells in (max(names, len("object")), *(max(5, len(n)) for n in ("frames", "J&F", *measures)))
    )


def _totals(evaluation: Evaluation) -> Table:
    """A row per figure, and for each run its value and interval."""
    spanned = any(run.intervals for run in evaluation.runs)
    table = Table("all objects", caption=f"{LEVEL} % of {DRAWS} draws of videos" if spanned else None)
    for run in evaluation.runs:
        table.add_column(escape(run.name), overflow="fold")
        if spanned:
            table.add_column("interval", style="dim")
    for name in evaluation.runs[0].totals:
        cells = [cell for run in evaluation.runs for cell in _cells(run, name, spanned)]
        table.add_row(name, *cells, style="bold" if name == "J&F" else None)
    return table


def _by_attribute(evaluation: Evaluation) -> Table:
    """A row per attribute: the first run's figures, and J&F of the others."""
    first, *others = evaluation.runs
    table = Table(title=f"by attribute: {escape(first.name)}", title_justify="left")
    measures = list(next(iter(first.by_attribute.values())).figures)
    for name in ("attribute", "videos", "objects", *measures):
        table.add_column(name, no_wrap=True)
    for run in others:
        table.add_column(f"J&F, {escape(run.name)}", overflow="fold")
    for code, part in first.by_attribute.items():
        cells = [number(value) for value in part.figures.values()]
        cells += [number(run.by_attribute[code].figures["J&F"]) for run in others]
        table.add_row(told(code), str(part.videos), str(part.objects), *cells)
    return table


def told(code: str) -> str:
    """An attribute by its code and name."""
    return f"{escape(code)} {ATTRIBUTES[code].name}" if code in ATTRIBUTES else escape(code)


def _cells(run: RunResult, name: str, spanned: bool) -> list[str]:
    span = run.intervals.get(name)
    return [number(run.totals[name]), *([" to ".join(map(number, span)) if span else ""] if spanned else [])]


def number(value: float) -> str:
    """A fraction to three places; nothing where it is not a number."""
    return "" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}"


def check_files(**files: Path | None) -> None:
    """Raises SettingError where a file cannot be written, before any work: by the option that names it."""
    given = {option: path for option, path in files.items() if path is not None}
    for option, path in given.items():
        if path.is_dir() or not path.parent.is_dir():
            flaw = "a folder; name a file" if path.is_dir() else f"there is no folder {path.parent}"
            raise SettingError(f"--{option} {path}: {flaw}")
    if len({path.resolve() for path in given.values()}) < len(given):
        raise SettingError(f"--{', --'.join(given)}: give each a file of its own")


def write(evaluation: Evaluation, to_json: Path | None, to_csv: Path | None, to_html: Path | None) -> None:
    """The files that were asked for, each whole, and their names. Raises OutputError."""
    if to_json is not None:
        write_json(to_json, as_json(evaluation))
    if to_csv is not None:
        write_csv(to_csv, evaluation)
    if to_html is not None:
        from longtake.evaluation.report.page import write_page

        write_page(to_html, evaluation)
    if written := [str(path) for path in (to_json, to_csv, to_html) if path is not None]:
        typer.echo(f"written: {', '.join(written)}")
