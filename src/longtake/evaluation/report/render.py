"""Templates of pages, how their figures are written, and the colours and marks of runs."""

import functools
import importlib.resources
import math
from pathlib import Path
from typing import Any

import jinja2

import longtake
from longtake.video.sinks import output
from longtake.video.whole import whole

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of runs; they stay apart for people who see few colours (Okabe and Ito)."""

MARKS = ("M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z", "M-3.5-3.5h7v7h-7z", "M0-4.5l4.5,8h-9z", "M0-5l5,5l-5,5l-5-5z")
"""Points of runs in plots, as SVG paths: circle, square, triangle, diamond."""


def render(template: str, **content: Any) -> str:
    """A template of this folder, filled; it knows the version, too."""
    return _environment().get_template(template).render(content, version=longtake.__version__)


def write_html(path: Path, text: str) -> None:
    """A page as a file, whole or not at all. Raises OutputError."""
    with output(path), whole(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, loader=jinja2.FunctionLoader(_source)
    )
    environment.filters |= {"number": number, "signed": signed, "place": lambda xy: f"{xy[0]:.1f},{xy[1]:.1f}"}
    return environment


def _source(name: str) -> str:
    return importlib.resources.files("longtake.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def colour(index: int) -> str:
    """Of a run, by its place."""
    return COLOURS[index % len(COLOURS)]


def mark(index: int) -> str:
    """Of a run, by its place."""
    return MARKS[index % len(MARKS)]


def number(value: float) -> str:
    """A fraction to three places; a dash where it is not a number."""
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}"


def signed(value: float) -> str:
    """A difference to three places; a dash where it is not a number."""
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:+.3f}"
