"""A quality check: frames drawn at random are annotated again, and J tells how much the two agree.

LVOS's authors relabelled 100 videos of YouTube-VOS and found a mean of 0.95 (section 3.2).
Shapes: h, w the size of a frame.
"""

import itertools
import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt16

from longtake.errors import SettingError
from longtake.evaluation.region import region_similarity

PAPER = 0.95


@dataclass(frozen=True)
class Row:
    """How an object of a frame agrees; check: the number of the video that holds the second masks."""

    annotator: str
    check: int
    frame: int
    object: int
    j: float


@dataclass(frozen=True)
class Agreement:
    """How all that a person annotated again agrees."""

    annotator: str
    frames: int
    mean: float


@dataclass(frozen=True)
class Quality:
    """All checks of a video; mean: over objects and frames, None where nothing was annotated again."""

    mean: float | None
    rows: list[Row]
    annotators: list[Agreement]
    paper: float = PAPER


def sample(accepted: Collection[int], count: int, seed: int) -> list[int]:
    """Frames for a check, in order: one at random of each of `count` equal parts of the accepted ones.

    All of them where there are no more; the same ones for the same seed. Raises SettingError where there are none, or
    none are wanted.
    """
    if count < 1:
        raise SettingError(f"a check of {count} frames; ask for 1 or more")
    frames = sorted(set(accepted))
    if not frames:
        raise SettingError("no accepted frames, so there is nothing to check; accept some first")
    count, chance = min(count, len(frames)), random.Random(seed)
    edges = [len(frames) * part // count for part in range(count + 1)]
    return [frames[start + int(chance.random() * (end - start))] for start, end in itertools.pairwise(edges)]


def compare(
    reference: UInt16[np.ndarray, "h w"], relabelled: UInt16[np.ndarray, "h w"], ids: Iterable[int]
) -> dict[int, float]:
    """J in [0, 1] of these objects, without those that neither shows."""
    masks = {name: (relabelled == name, reference == name) for name in ids}
    return {name: region_similarity(*pair) for name, pair in masks.items() if pair[0].any() or pair[1].any()}


def quality(rows: Iterable[Row]) -> Quality:
    """The means, over all and for each person by name."""
    found = list(rows)
    by_person: dict[str, list[Row]] = {}
    for row in found:
        by_person.setdefault(row.annotator, []).append(row)
    people = [
        Agreement(name, len({(row.check, row.frame) for row in own}), _mean(own))
        for name, own in sorted(by_person.items())
    ]
    return Quality(_mean(found) if found else None, found, people)


def _mean(rows: Collection[Row]) -> float:
    return sum(row.j for row in rows) / len(rows)
