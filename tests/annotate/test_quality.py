"""Quality checks: what is drawn, and what is compared."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.annotate.quality import Row, compare, quality, sample
from longtake.errors import LongtakeError


@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=60), st.integers(1, 80), st.integers(0, 2**32))
def test_a_sample_is_spread_over_the_video(accepted: set[int], count: int, seed: int) -> None:
    found, frames = sample(accepted, count, seed), sorted(accepted)
    assert found == sorted(set(found)) == sample(frames[::-1], count, seed)
    assert len(found) == min(count, len(frames)) and set(found) <= accepted
    places = [frames.index(frame) for frame in found]
    parts = [range(len(frames) * k // len(found), len(frames) * (k + 1) // len(found)) for k in range(len(found))]
    assert all(place in part for place, part in zip(places, parts, strict=True))


def test_seeds_draw_others() -> None:
    drawn = {tuple(sample(range(100), 5, seed)) for seed in range(20)}
    assert len(drawn) > 15
    assert {frame for frames in drawn for frame in frames if frame < 20} > {2, 3}


@pytest.mark.parametrize(
    ("accepted", "count", "line"), [([], 3, "no accepted frames"), ([1], 0, "a check of 0 frames")]
)
def test_no_sample(accepted: list[int], count: int, line: str) -> None:
    with pytest.raises(LongtakeError, match=line):
        sample(accepted, count, 1)


def test_agreement_by_hand() -> None:
    reference = np.array([[1, 1, 0, 7], [2, 2, 0, 7]], np.uint16)
    relabelled = np.array([[1, 1, 1, 0], [2, 2, 0, 0]], np.uint16)
    assert compare(reference, relabelled, [1, 2, 7, 9]) == {1: 2 / 3, 2: 1, 7: 0}


def test_the_reply_is_the_contracts() -> None:
    rows = [Row("Bob", 2, 0, 1, 0.5), Row("Bob", 2, 0, 2, 1), Row("Ann", 3, 0, 1, 0.9), Row("Bob", 4, 0, 1, 0)]
    reply = json.loads(json.dumps(asdict(quality(iter(rows)))))
    assert reply.pop("mean") == pytest.approx(0.6)
    assert reply == {
        "paper": 0.95,
        "rows": [{"annotator": r.annotator, "check": r.check, "frame": 0, "object": r.object, "j": r.j} for r in rows],
        "annotators": [{"annotator": "Ann", "frames": 1, "mean": 0.9}, {"annotator": "Bob", "frames": 2, "mean": 0.5}],
    }
    assert asdict(quality([])) == {"mean": None, "rows": [], "annotators": [], "paper": 0.95}
