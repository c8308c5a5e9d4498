"""How far figures could be off by the choice of videos: bootstrap over videos (Efron, 1979), percentile intervals.

Videos are drawn with replacement, all objects of a video together; where means are taken over seen and unseen, within
videos that have objects of the same groups. Shapes: b draws, v videos, g groups, m figures.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from longtake.evaluation.results import MEASURES, ObjectResult

DRAWS = 2000
LEVEL = 95
"""Percent of the draws that an interval holds."""

SEED = 0

Interval = tuple[float, float]


def intervals(objects: Sequence[ObjectResult]) -> dict[str, Interval]:
    """The interval of J&F and of every measure; none where a kind of video is there only once."""
    return _percentiles(_draws(objects))


def paired(objects: Sequence[ObjectResult], base: Sequence[ObjectResult]) -> dict[str, Interval]:
    """Intervals of the differences between two runs over the same objects, both under the same draws of videos."""
    ours, theirs = _draws(objects), _draws(base)
    return _percentiles({name: ours[name] - theirs[name] for name in ours})


def _percentiles(draws: dict[str, Float64[np.ndarray, " b"]]) -> dict[str, Interval]:
    tail = (100 - LEVEL) / 2
    found = {name: np.percentile(values, [tail, 100 - tail]) for name, values in draws.items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}


def _draws(objects: Sequence[ObjectResult]) -> dict[str, Float64[np.ndarray, " b"]]:
    """Every global figure under each draw of videos."""
    videos = list(dict.fromkeys(thing.video for thing in objects))
    groups = list(dict.fromkeys(thing.group for thing in objects))
    sums = np.zeros((len(videos), len(groups), len(MEASURES)))
    counts = np.zeros((len(videos), len(groups)))
    for thing in objects:
        place = videos.index(thing.video), groups.index(thing.group)
        sums[place] += [thing.figures[measure] for measure in MEASURES]
        counts[place] += 1
    kinds = [np.flatnonzero((counts > 0) @ (1 << np.arange(len(groups))) == kind) for kind in range(1 << len(groups))]
    kinds = [alike for alike in kinds if len(alike)]
    if any(len(alike) == 1 for alike in kinds):
        return {}
    weights = _weights(kinds, len(videos))
    means = np.einsum("bv,vgm->bgm", weights, sums) / (weights @ counts)[:, :, None]
    over = dict(zip(MEASURES, np.moveaxis(means.mean(axis=1), 1, 0), strict=True))
    return {"J&F": (over["J"] + over["F"]) / 2, **over}


def _weights(kinds: Sequence[np.ndarray], videos: int) -> Float64[np.ndarray, "b v"]:
    """How often each video is drawn; as many of each kind as there are."""
    random = np.random.default_rng(SEED)
    weights = np.zeros((DRAWS, videos))
    for alike in kinds:
        weights[:, alike] = random.multinomial(len(alike), np.full(len(alike), 1 / len(alike)), size=DRAWS)
    return weights
