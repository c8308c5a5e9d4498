"""Pages from templates: each a file that needs no network, in the style that all share."""

import importlib.resources
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

import longtake
from longtake.video.sinks import output
from longtake.video.whole import whole

STYLE = importlib.resources.files("longtake.evaluation.report").joinpath("style.css")


def html(package: str, content: Mapping[str, Any]) -> str:
    """The page.html of a package, filled; it knows `style` and `version`, too."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"number": _number, "signed": _signed, "place": lambda xy: f"{xy[0]:.1f},{xy[1]:.1f}"}
    source = importlib.resources.files(package).joinpath("page.html").read_text(encoding="utf-8")
    style = markupsafe.Markup(STYLE.read_text(encoding="utf-8"))
    return environment.from_string(source).render(content, style=style, version=longtake.__version__)


def write_html(path: Path, text: str) -> None:
    """A page as a file, whole or not at all. Raises OutputError."""
    with output(path), whole(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:+.3f}"
