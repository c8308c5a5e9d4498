"""How far figures could be off by the choice of videos: bootstrap over videos (Efron, 1979), percentile intervals.

Videos are drawn with replacement, all objects of a video together; where means are taken over seen and unseen, within
videos that have objects of the same groups. Shapes: b draws, v videos, g groups, m figures.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64

from longtake.evaluation.results import MEASURES, ObjectResult

DRAWS = 2000
LEVEL = 95
"""Percent of the draws that an interval holds."""

SEED = 0

Interval = tuple[float, float]


def intervals(objects: Sequence[ObjectResult]) -> dict[str, Interval]:
    """The interval of J&F and of every measure; none where there are too few videos of a kind."""
    return _percentiles(_draws(objects))


def paired(objects: Sequence[ObjectResult], base: Sequence[ObjectResult]) -> dict[str, Interval]:
    """Intervals of the differences between two runs over the same objects, both under the same draws of videos."""
    ours, theirs = _draws(objects), _draws(base)
    return _percentiles({name: ours[name] - theirs[name] for name in ours})


def _percentiles(draws: dict[str, Float64[np.ndarray, " b"]]) -> dict[str, Interval]:
    tail = (100 - LEVEL) / 2
    known = {name: values for name, values in draws.items() if np.isfinite(values).all()}
    found = {name: np.percentile(values, [tail, 100 - tail]) for name, values in known.items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}


def _draws(objects: Sequence[ObjectResult]) -> dict[str, Float64[np.ndarray, " b"]]:
    """Every global figure under each draw of videos."""
    videos = {name: i for i, name in enumerate(dict.fromkeys(thing.video for thing in objects))}
    groups = {name: i for i, name in enumerate(dict.fromkeys(thing.group for thing in objects))}
    sums = np.zeros((len(videos), len(groups), len(MEASURES)))
    counts = np.zeros((len(videos), len(groups)))
    for thing in objects:
        place = videos[thing.video], groups[thing.group]
        sums[place] += [thing.figures[measure] for measure in MEASURES]
        counts[place] += 1
    kinds = _kinds(counts > 0)
    if not kinds:
        return {}
    weights = _weights(kinds, len(videos))
    means = np.einsum("bv,vgm->bgm", weights, sums) / (weights @ counts)[:, :, None]
    over = dict(zip(MEASURES, np.moveaxis(means.mean(axis=1), 1, 0), strict=True))
    return {"J&F": (over["J"] + over["F"]) / 2, **over}


def _kinds(members: Bool[np.ndarray, "v g"]) -> list[np.ndarray]:
    """Videos with objects of the same groups, which are drawn among themselves.

    A video alone of its kind is drawn among those of the largest; none where its groups would then not be sure to come.
    """
    kinds: dict[tuple[bool, ...], list[int]] = {}
    for video, groups in enumerate(members):
        kinds.setdefault(tuple(groups.tolist()), []).append(video)
    several = [alike for alike in kinds.values() if len(alike) > 1]
    lone = [alike[0] for alike in kinds.values() if len(alike) == 1]
    sure = members[[alike[0] for alike in several]].any(axis=0) if several else np.zeros(members.shape[1], bool)
    if (members[lone] & ~sure).any() or not several:
        return []
    several.sort(key=len)
    several[-1] = several[-1] + lone
    return [np.array(alike) for alike in several]


def _weights(kinds: Sequence[np.ndarray], videos: int) -> Float64[np.ndarray, "b v"]:
    """How often each video is drawn; as many of each kind as there are."""
    random = np.random.default_rng(SEED)
    weights = np.zeros((DRAWS, videos))
    for alike in kinds:
        weights[:, alike] = random.multinomial(len(alike), np.full(len(alike), 1 / len(alike)), size=DRAWS)
    return weights
