"""The four steps, and the grid of objects and time."""

from collections.abc import Callable
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.annotate.grid import RANKS, grid
from longtake.annotate.pipeline import Pipeline, Settings, at_rate
from longtake.engine.annotation import Annotation
from longtake.errors import SettingError
from longtake.types import Masks
from longtake.video.folder import ArraySource
from longtake.video.source import Times

COUNT = 24


@pytest.fixture
def annotation(tmp_path: Path) -> Annotation:
    return Annotation(ArraySource(np.zeros((COUNT, 4, 6, 3), np.uint8)), tmp_path)


def mask(*ids: int) -> np.ndarray:
    labels = np.zeros((4, 6), np.uint16)
    for place, name in enumerate(ids):
        labels[place] = name
    return labels


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=30),
    st.sampled_from([1, 2.5, 6, 29.97, 0.1]),
    st.sampled_from([Fraction(1, 30), Fraction(1001, 30000), Fraction(1, 90000)]),
)
def test_the_first_frame_of_each_period_is_kept(steps: list[int], rate: float, base: Fraction) -> None:
    times = Times(np.cumsum(steps).tolist(), base)
    early = min(base, Fraction(1, 1000)) / 2
    periods = [floor((second + early) * Fraction(rate).limit_denominator(10_000)) for second in times]
    expected = [i for i, period in enumerate(periods) if period not in periods[:i]]
    assert at_rate(times, rate) == expected
    assert at_rate(times, None) == list(range(len(steps)))


@pytest.mark.parametrize("rate", [1, 2, 3, 5, 6, 10, 15, 30])
def test_times_in_milliseconds_keep_the_frames_of_exact_ones(rate: float) -> None:
    """Those of Matroska and WebM, whose frame 10 of 30 a second is shown at 333 ms, before a third of a second."""
    rounded = Times([round(frame * 1000 / 30) for frame in range(300)], Fraction(1, 1000))
    assert at_rate(rounded, rate) == at_rate(Times(range(300), Fraction(1, 30)), rate)


def test_a_video_at_its_own_rate_keeps_every_frame() -> None:
    assert at_rate(Times(range(0, 300 * 1001, 1001), Fraction(1, 30_000)), 29.97) == list(range(300))


def test_an_hour_is_one_frame_a_second() -> None:
    kept = at_rate(Times(range(108_000), Fraction(1, 30)), 1)
    assert kept == list(range(0, 108_000, 30))


@pytest.mark.parametrize(
    "settings", [{"coarse_rate": 0.0}, {"fine_rate": -1.0}, {"coarse_rate": 8.0}, {"fine_rate": 1e9}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SettingError):
        Settings(**settings)  # type: ignore[arg-type]


def test_from_step_to_step(annotation: Annotation) -> None:
    pipeline = Pipeline(annotation, annotation.source.times(), Settings(2.0, 4.0))
    assert pipeline.coarse == [0, 12]
    assert pipeline.fine == [0, 6, 12, 18]

    def state() -> tuple[int, list[tuple[int, int]], list[bool]]:
        steps = pipeline.steps()
        return pipeline.present(steps), [(s.done, s.total) for s in steps], [s.ready for s in steps]

    assert state() == (1, [(0, 2), (0, 2), (0, 4), (0, 4)], [False] * 4)
    assert pipeline.starts() == []
    assert pipeline.queue(1, 10) == []
    annotation.give(3, mask(1))
    assert pipeline.starts() == [3]
    assert state() == (1, [(0, 2), (0, 2), (0, 4), (0, 4)], [True, False, False, False])
    annotation.take([(0, Masks.of(mask(1, 2))), (12, Masks.of(mask(1)))])
    assert state() == (2, [(2, 2), (0, 2), (2, 4), (0, 4)], [True, True, False, True])
    assert [frame for frame, _, _ in pipeline.queue(2, 10)] == [12, 0]  # a neighbour of what was given is no doubt
    annotation.give(12, {1: mask(1) == 0})
    assert pipeline.corrected() == [12]
    assert pipeline.waiting() == [0, 12]
    annotation.accept(0, 12)
    assert state() == (3, [(2, 2), (2, 2), (2, 4), (2, 4)], [True] * 4)
    annotation.take([(6, Masks.of(mask(1))), (18, Masks.of(mask(1)))])
    assert state()[0] == 4
    assert [frame for frame, _, _ in pipeline.queue(4, 10)] == [18, 6]
    assert pipeline.waiting() == [6, 18]
    assert pipeline.only(1).keep == {0, 12}
    assert pipeline.only(3).keep == {0, 6, 12, 18}
    every = Pipeline(annotation, annotation.source.times(), Settings(2.0, None, "kept"))
    assert every.only(3).keep is None
    assert (every.only(1).looked, every.only(3).looked) == (True, False)


def test_a_check_has_its_own_frames(annotation: Annotation) -> None:
    pipeline = Pipeline(annotation, annotation.source.times(), Settings(), (5, 9))
    steps = pipeline.steps()
    assert pipeline.present(steps) == 2
    assert [step.ready for step in steps] == [False, True, False, True]
    assert pipeline.queue(2, 10) == [(5, None, None), (9, None, None)]
    annotation.give(5, mask(1))
    annotation.accept(5)
    assert pipeline.queue(2, 10) == [(9, None, None)]


EDITS = st.lists(
    st.tuples(st.sampled_from(["give", "take", "absent", "accept"]), st.integers(0, COUNT - 1), st.integers(1, 3)),
    max_size=12,
)


@given(EDITS, st.integers(1, 30), st.integers(0, 10), st.integers(12, COUNT - 1))
def test_a_column_shows_what_is_least_certain_of_its_frames(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, int, int]], columns: int, first: int, last: int
) -> None:
    source = ArraySource(np.zeros((COUNT, 4, 6, 3), np.uint8))
    annotation = Annotation(source, tmp_path_factory.mktemp("grid"))
    do: dict[str, Callable[[int, int], object]] = {
        "give": lambda frame, name: annotation.give(frame, {name: mask(name) > 0}, again=True),
        "take": lambda frame, name: annotation.take([(frame, Masks.of(mask(name)))]),
        "absent": lambda frame, name: annotation.give(frame, {name: mask() > 0}, again=True),
        "accept": lambda frame, name: annotation.accept(frame) if annotation.known(frame) else None,
    }
    for what, frame, name in edits:
        if frame not in annotation.accepted:
            do[what](frame, name)
    edges, rows = grid(annotation, first, last, columns)
    assert len(edges) == min(columns, last - first + 1)
    ends = [*edges[1:], last + 1]
    shown = range(first, last + 1)
    assert [row.object for row in rows] == sorted({name for frame in shown for name in annotation.known(frame)})
    letters = {"propagated": "p", "imported": "i", "given": "g", "corrected": "c"}
    for row in rows:
        for column, (begin, end) in enumerate(zip(edges, ends, strict=True)):
            known = {f: annotation.known(f)[row.object] for f in range(begin, end) if row.object in annotation.known(f)}
            found = [
                "-" if value is None else "a" if frame in annotation.accepted else letters[origin]
                for frame, (origin, value) in known.items()
            ]
            assert row.origins[column] == max(found, key=RANKS.index, default=".")
            sure = [round(100 * value) for _, value in known.values() if value is not None]
            assert row.confidence[column] == min(sure, default=-1)
    annotation.history.close()
