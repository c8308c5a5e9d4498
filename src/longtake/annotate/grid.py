"""The grid of objects and time: a letter and a confidence for each object and column, however many frames that is.

Letters: `.` nothing, `p` propagated, `i` imported, `g` given, `c` corrected, `a` accepted, `-` not to be seen.
"""

from dataclasses import dataclass

import numpy as np

from longtake.engine.annotation import Annotation

LETTERS = {"propagated": "p", "imported": "i", "given": "g", "corrected": "c"}

RANKS = ".-acgip"
"""Of several frames in a column the last of these counts: what is least certain."""


@dataclass(frozen=True)
class Row:
    """An object: a letter and a confidence in hundredths per column, -1 for none."""

    object: int
    origins: str
    confidence: list[int]


def grid(annotation: Annotation, first: int, last: int, columns: int) -> tuple[list[int], list[Row]]:
    """The frames at which columns begin, and a row per object. first, last: frames, both included."""
    columns = min(columns, last - first + 1)
    edges = first + np.arange(columns + 1) * (last - first + 1) // columns
    place = np.repeat(np.arange(columns), np.diff(edges))
    accepted = {frame for frame, _ in annotation.history.items("accepted")}
    ranks, sure = dict[int, np.ndarray](), dict[int, np.ndarray]()
    for frame, layer in annotation.history.items("layer"):
        if not first <= frame <= last:
            continue
        column = place[frame - first]
        for text, (origin, value) in layer["objects"].items():
            name = int(text)
            if name not in ranks:
                ranks[name], sure[name] = np.zeros(columns, np.int8), np.full(columns, 101, np.int8)
            letter = "-" if value is None else "a" if frame in accepted else LETTERS[origin]
            ranks[name][column] = max(ranks[name][column], RANKS.index(letter))
            if value is not None:
                sure[name][column] = min(sure[name][column], round(100 * value))
    rows = [
        Row(
            name,
            "".join(RANKS[rank] for rank in ranks[name].tolist()),
            np.where(sure[name] > 100, -1, sure[name]).tolist(),
        )
        for name in sorted(ranks)
    ]
    return edges[:-1].tolist(), rows
