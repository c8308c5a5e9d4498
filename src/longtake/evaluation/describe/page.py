"""A description as one page: the row of table 1, attributes, categories, sizes, absences, every video."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.data.attributes import ATTRIBUTES
from longtake.evaluation.attributes import category_of, sources
from longtake.evaluation.describe.describe import Category, Description
from longtake.evaluation.describe.words import names, rows
from longtake.evaluation.observed import ABSENCES, SIZES
from longtake.evaluation.report.html import html, write_html
from longtake.evaluation.report.looks import COLOURS

PAIR = COLOURS[:2]
"""Of the data set, and of the one beside it."""


def write_page(path: Path, description: Description, against: Description | None = None) -> None:
    """A self-contained HTML file, whole or not at all. Raises OutputError."""
    write_html(path, page(description, against))


def page(description: Description, against: Description | None = None) -> str:
    """The page as text."""
    each = [description, *([against] if against else [])]
    return html("longtake.evaluation.describe", {**_content(description, each), "colours": PAIR})


def _content(first: Description, each: Sequence[Description]) -> dict[str, Any]:
    return {
        "names": names(each),
        "datasets": [one.dataset for one in each],
        "rows": rows([one.statistics() for one in each]),
        "attributes": _attributes(each),
        "sources": [sources(one.labels) for one in each],
        "pairs": first.pairs(),
        "most": max((own[code] for code, own in first.pairs().items()), default=1),
        "labelled": len(first.labels),
        "parents": _parents(first.categories()),
        "histograms": [
            _histogram("Sizes of masks", "share of the image", _percents(SIZES), [one.sizes() for one in each]),
            _histogram("Absences", "frames without the object", _frames(ABSENCES), [one.absences() for one in each]),
        ],
        "videos": [
            {"seen": seen, "labels": first.labels.get(seen.name), "kinds": _kinds(video.objects.values())}
            for video, seen in zip(first.dataset.videos, first.observed, strict=True)
        ],
    }


def _attributes(each: Sequence[Description]) -> list[dict[str, Any]]:
    """A row for each of the table, and for each other that a data set has."""
    shares = [one.shares() for one in each]
    codes = dict.fromkeys([*ATTRIBUTES, *(code for own in shares for code in own)])
    return [
        {"code": code, "attribute": ATTRIBUTES.get(code), "shares": [own.get(code) for own in shares]} for code in codes
    ]


def _parents(categories: Sequence[Category]) -> list[dict[str, Any]]:
    """Categories under the one above them, the most frequent first; all together where none is known."""
    totals = Counter[str]()
    for kind in categories:
        totals[kind.parent or ""] += kind.masks
    most = max((kind.masks for kind in categories), default=1)
    return [
        {
            "name": name or ("others" if len(totals) > 1 else ""),
            "masks": count,
            "colour": COLOURS[place % len(COLOURS)],
            "kinds": [(kind, 100 * kind.masks / most) for kind in categories if (kind.parent or "") == name],
        }
        for place, (name, count) in enumerate(totals.most_common())
    ]


def _kinds(things: Iterable[Any]) -> str:
    return ", ".join(name for name, _ in Counter(filter(None, map(category_of, things))).most_common())


def _histogram(title: str, axis: str, bins: Sequence[str], each: Sequence[Counter[int]]) -> Mapping[str, Any]:
    """Parts of all for each bin and data set, so that data sets of any size can be compared."""
    totals = [counts.total() for counts in each]
    parts = [
        [counts[place] / total if total else 0.0 for counts, total in zip(each, totals, strict=True)]
        for place in range(len(bins))
    ]
    counted = [[counts[place] for counts in each] for place in range(len(bins))]
    highest = max((part for own in parts for part in own), default=0.0)
    return {
        "title": title,
        "axis": axis,
        "totals": totals,
        "bins": list(zip(bins, parts, counted, strict=True)),
        "highest": highest,
    }


def _percents(edges: Sequence[float]) -> list[str]:
    words = [f"{100 * edge:g}" for edge in edges]
    between = [f"{low}–{high} %" for low, high in itertools.pairwise(words)]
    return [f"< {words[0]} %", *between, f"≥ {words[-1]} %"]


def _frames(edges: Sequence[int]) -> list[str]:
    lows = [1, *edges]
    between = [f"{low}" if high == low + 1 else f"{low}–{high - 1}" for low, high in zip(lows, edges, strict=False)]
    return [*between, f"≥ {edges[-1]}"]
