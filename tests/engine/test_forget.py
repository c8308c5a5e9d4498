"""Objects that are unseen for long are followed no longer."""

import logging
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from longtake.engine.forget import Forgetter
from longtake.engine.session import Session
from longtake.types import Frame, Prediction
from longtake.video.spans import parse_mark


class Followed(Session):
    """As much of a session as is asked for."""

    def __init__(self, *ids: int) -> None:
        self.left = ids

    def remove(self, *ids: int) -> None:
        assert set(ids) <= set(self.left)
        self.left = tuple(name for name in self.left if name not in ids)


def play(after: str | None, seen: Sequence[set[int]], times: Sequence[float] | None = None) -> list[tuple[int, ...]]:
    """What is forgotten at each frame, when these objects have pixels in it."""
    forgetter, session, gone = Forgetter(parse_mark(after, "--forget") if after else None), Followed(1, 2, 300), []
    for index, there in enumerate(seen):
        labels = np.zeros((2, 4), np.uint16)
        labels[0, : len(there)] = sorted(there)
        seconds = Fraction(times[index]) if times else Fraction(index, 2)
        frame = Frame(index, str(index), seconds, False, np.zeros((2, 4, 3), np.uint8))
        prediction = Prediction(frame, session.left, labels, np.ones((2, 4), np.float32), False, np.array)
        gone.append(forgetter.look(session, prediction))
    return gone


def test_by_seconds_and_by_frames(caplog: pytest.LogCaptureFixture) -> None:
    seen = [{1, 2, 300}, {1, 2}, {1, 2}, {1}, {1, 2}, {1}, {1}, {1}]
    with caplog.at_level(logging.INFO, "longtake"):
        assert play("1", seen) == [(), (), (300,), (), (), (), (2,), ()]
    assert caplog.messages == [
        "frame 2: object 300 is forgotten, last seen in frame 0",
        "frame 6: object 2 is forgotten, last seen in frame 4",
    ]
    assert play("#3", seen) == [(), (), (), (300,), (), (), (), (2,)]
    assert play("#1", seen) == play("0", seen) == [(), (300,), (), (2,), (), (), (), ()]
    assert play(None, seen) == [()] * 8


def test_an_object_never_seen_counts_from_where_it_was_given() -> None:
    assert play("#2", [{1, 2}] * 3) == [(), (), (300,)]


def test_frames_far_apart() -> None:
    assert play("10", [{1, 2, 300}, {1, 2}, {1, 2}], [0, 9.5, 10]) == [(), (), (300,)]


def test_a_session_goes_on_without_and_takes_it_again(tiny: Session) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    mask = np.zeros((64, 96), bool)
    mask[20:40, 20:40] = True
    forgetter = Forgetter(parse_mark("#1", "--forget"))
    forgetter.look(tiny, tiny.push(image, {1: mask, 2: ~mask}))
    prediction = tiny.push(image)
    empty = Prediction(
        prediction.frame, prediction.ids, np.zeros((64, 96), np.uint16), prediction.certainty, False, prediction.soft
    )
    assert forgetter.look(tiny, empty) == (1, 2)
    assert tiny.ids == ()
    prediction = tiny.push(image)
    assert prediction.ids == ()
    assert not prediction.labels.any()
    assert prediction.probabilities.shape == (1, 64, 96)
    assert forgetter.look(tiny, prediction) == ()
    prediction = tiny.push(image, {1: mask})
    assert prediction.ids == (1,)
    assert forgetter.look(tiny, prediction) == ()


@pytest.fixture
def tiny() -> Session:
    from longtake.systems.zoo import ZOO

    return Session(ZOO["stm-mobilenet-v2"].tiny().build().eval())
