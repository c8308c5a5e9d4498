from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.data.footage import VideoFootage
from longtake.data.images import Store
from longtake.data.layouts import open_dataset
from longtake.data.samplers import SAMPLERS, Footage, draw_frames, reflected


class Toy(Footage):
    """Frames told by their objects, each of 300 pixels."""

    def __init__(self, frames: list[set[int]]) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def areas(self, index: int) -> Mapping[int, int]:
        return dict.fromkeys(self.frames[index], 300)


def drawn(name: str, frames: list[set[int]], count: int, gap: int, seed: int = 0) -> list[int]:
    return SAMPLERS[name](np.random.default_rng(seed), Toy(frames), count, gap)


seeds, counts, gaps = st.integers(0, 2**32), st.integers(2, 8), st.integers(1, 25)


@given(st.sampled_from(sorted(SAMPLERS)), seeds, st.integers(1, 40), counts, gaps, st.integers(0, 3))
def test_every_sampler_gives_frames_of_the_video(
    name: str, seed: int, length: int, count: int, gap: int, objects: int
) -> None:
    chosen = drawn(name, [set(range(1, objects + 1))] * length, count, gap, seed)
    assert len(chosen) == count
    assert 0 <= min(chosen) <= max(chosen) < length


@given(seeds, st.integers(1, 40), counts, gaps)
def test_ordered_frames_are_within_the_gap(seed: int, length: int, count: int, gap: int) -> None:
    steps = np.diff(drawn("ordered", [{1}] * length, count, gap, seed))
    assert (steps >= 0).all() or (steps <= 0).all()
    assert np.abs(steps).max() <= gap
    if length > count:
        assert np.abs(steps).min() >= 1


@given(seeds, st.integers(5, 40), st.integers(1, 6))
def test_a_stride_is_one(seed: int, length: int, gap: int) -> None:
    steps = set(np.diff(drawn("stride", [{1}] * length, 4, gap, seed)).tolist())
    assert len(steps) == 1
    assert 1 <= steps.pop() <= gap


def test_consecutive_frames_begin_where_there_is_an_object() -> None:
    frames = [set[int]()] * 9 + [{1}] * 6
    for seed in range(20):
        chosen = drawn("consecutive", frames, 4, 99, seed)
        assert np.diff(chosen).tolist() == [1, 1, 1]
        assert frames[chosen[0]]


@given(seeds, st.integers(3, 60), st.integers(1, 25))
def test_skips_are_those_of_stcn(seed: int, length: int, gap: int) -> None:
    chosen = drawn("skip", [{1}] * length, 3, gap, seed)
    steps = np.diff(chosen)
    assert (steps >= 0).all() or (steps <= 0).all()
    assert np.abs(steps).max() <= min(length, gap) + 1
    jump, forth = min(length, gap), chosen if steps.sum() > 0 else chosen[::-1]
    assert forth[1] <= max(forth[0], length - jump)
    assert forth[2] <= max(forth[1], length - jump // 2)


@given(seeds, st.integers(8, 60), st.integers(1, 25))
def test_neighbours_are_within_the_gap_and_drawn_once(seed: int, length: int, gap: int) -> None:
    chosen = drawn("neighbourhood", [{1}] * length, 8, gap, seed)
    steps = np.diff(chosen)
    assert (steps > 0).all() or (steps < 0).all()
    assert np.abs(steps).max() <= gap


def test_gaps_take_a_reference_that_has_all_objects() -> None:
    frames = [{1}] * 10 + [{1, 2}] * 10
    kept, ends = 0, set()
    for seed in range(60):
        chosen = drawn("gaps", frames, 5, 2, seed)
        assert np.abs(np.diff(chosen)).max() <= 2
        kept += all(frames[i] <= frames[chosen[0]] for i in chosen)
        ends.add(chosen[0] // 10)
    assert ends == {0, 1}
    assert kept >= 57  # five tries near the border may all fail


def test_frames_beyond_the_ends_are_reflected() -> None:
    assert [reflected(i, 4) for i in range(-4, 9)] == [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert reflected(7, 1) == 0


def test_combinations_show_the_same_objects() -> None:
    frames = [{1}, {1, 2}, {1}, {2}, {1, 2}, {1, 2}, {1}]
    for seed in range(30):
        chosen = drawn("combination", frames, 4, 1, seed)
        assert len({frozenset(frames[i]) for i in chosen}) == 1


def test_samplers_are_mixed_by_weight() -> None:
    rng, toy = np.random.default_rng(0), Toy([{1}] * 30)
    far = [draw_frames(rng, toy, 2, 20, {"consecutive": 3.0, "stride": 1.0}) for _ in range(400)]
    assert 0.68 < np.mean([b - a == 1 for a, b in far]) < 0.86  # 3/4, and 1/20 of the others


@settings(deadline=None)
@given(st.sampled_from(["davis", "youtube_vos", "lvos"]))
def test_footage_knows_areas_and_spacing_of_every_layout(tmp_path_factory: pytest.TempPathFactory, layout: str) -> None:
    import datasets

    frames = datasets.clip(late={2: 3})
    root = getattr(datasets, layout)(tmp_path_factory.mktemp(layout), {"a": frames}, "train")
    footage = VideoFootage(open_dataset(root, "train").videos[0], Store(0))
    assert footage.spacing == (1 if layout == "davis" else 5)
    assert footage.visible(0) == {1}
    assert footage.visible(4) == {1, 2}
    assert np.array_equal(footage.ids(4), frames[4])
