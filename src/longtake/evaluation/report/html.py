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

SHARED = "longtake.evaluation.report"
"""The package with the style, and with parts that several pages include."""


def html(package: str, content: Mapping[str, Any], template: str = "page.html") -> str:
    """A template of a package, filled; it knows `style` and `version`, too, and may include those of all pages."""
    loader = jinja2.FunctionLoader(lambda name: _source(package if name == template else SHARED, name))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, loader=loader)
    environment.filters |= {"number": number, "signed": signed, "place": lambda xy: f"{xy[0]:.1f},{xy[1]:.1f}"}
    style = markupsafe.Markup(_source(SHARED, "style.css"))
    return environment.get_template(template).render(content, style=style, version=longtake.__version__)


def _source(package: str, name: str) -> str:
    return importlib.resources.files(package).joinpath(name).read_text(encoding="utf-8")


def write_html(path: Path, text: str) -> None:
    """A page as a file, whole or not at all. Raises OutputError."""
    with output(path), whole(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def number(value: float) -> str:
    """A fraction to three places; a dash where it is not a number."""
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}"


def signed(value: float) -> str:
    """A difference to three places; a dash where it is not a number."""
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:+.3f}"
