"""Live frames: in time, in order, and every one of them either handed on or told of."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.errors import SourceError
from longtake.video.latest import MOST, Drop, read_latest


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def all_there(items: list[int], came: threading.Event) -> Iterator[int]:
    yield from items
    came.set()


def handed_on(count: int, latency: float, each: float, drop: Drop) -> tuple[list[int], list[int]]:
    """All items are there at 0; the caller takes `each` seconds for one."""
    clock, came, lost, taken = Clock(), threading.Event(), list[int](), list[int]()
    frames = read_latest(all_there(list(range(count)), came), latency, lost.append, drop, clock)
    taken.append(next(frames))
    came.wait(5)
    for item in frames:
        taken.append(item)
        clock.now += each
    return taken, lost


def test_who_is_fast_enough_gets_everything() -> None:
    assert handed_on(10, latency=1.0, each=0.05, drop="late") == (list(range(10)), [])


def test_what_has_waited_too_long_is_dropped_but_never_the_newest() -> None:
    taken, lost = handed_on(10, latency=1.0, each=0.6, drop="late")
    assert taken == [0, 1, 2, 9]  # at 1.2 seconds all are late
    assert lost == [3, 4, 5, 6, 7, 8]


def test_all_but_the_newest_are_dropped() -> None:
    taken, lost = handed_on(10, latency=9.0, each=0.1, drop="waiting")
    assert (taken[-1], sorted(taken + lost)) == (9, list(range(10)))
    assert len(taken) <= 3


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2 * MOST), st.floats(0, 2), st.floats(0, 1), st.sampled_from(["late", "waiting"]))
def test_each_is_handed_on_or_told_of_and_order_is_kept(count: int, latency: float, each: float, drop: Drop) -> None:
    taken, lost = handed_on(count, latency, each, drop)
    assert sorted(taken + lost) == list(range(count))
    assert taken == sorted(taken)
    assert lost == sorted(lost)
    assert taken[-1] == count - 1


def test_an_error_comes_after_the_frames_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise SourceError("unplugged")

    frames = read_latest(broken(), 5.0, lambda item: None)
    assert next(frames) == 1
    with pytest.raises(SourceError, match="unplugged"):
        next(frames)
