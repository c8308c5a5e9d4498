"""The grid of objects and time: a letter and a confidence for each object and column, however many frames that is.

Letters: `.` nothing, `p` propagated, `i` imported, `g` given, `c` corrected, `a` accepted, `-` not to be seen.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from longtake.engine.annotation import Annotation

LETTERS = {"propagated": "p", "imported": "i", "given": "g", "corrected": "c"}

RANKS = ".-acgip"
"""Of several frames in a column the last of these counts: what is least certain."""

RANK = {letter: rank for rank, letter in enumerate(RANKS)}

NONE = 101
"""More hundredths than any confidence has."""


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
    found: defaultdict[str, tuple[list[int], list[int], list[float]]] = defaultdict(lambda: ([], [], []))
    for frame, layer in annotation.history.items("layer"):
        if not first <= frame <= last:
            continue
        for text, (origin, value) in layer["objects"].items():
            frames, ranks, values = found[text]
            frames.append(frame - first)
            ranks.append(RANK["-" if value is None else "a" if frame in accepted else LETTERS[origin]])
            values.append(NONE if value is None else 100 * value)
    rows = list[Row]()
    for text, (frames, ranks, values) in sorted(found.items(), key=lambda each: int(each[0])):
        where, rank, sure = place[frames], np.zeros(columns, np.int8), np.full(columns, NONE, np.int8)
        np.maximum.at(rank, where, np.array(ranks, np.int8))
        np.minimum.at(sure, where, np.rint(values).astype(np.int8))
        letters = "".join(RANKS[each] for each in rank.tolist())
        rows.append(Row(int(text), letters, np.where(sure == NONE, -1, sure).tolist()))
    return edges[:-1].tolist(), rows
