"""The J that is to be expected, against values by hand; presence; the review queue."""

import time
from fractions import Fraction

import numpy as np
import pytest

from longtake.engine.confidence import confidence
from longtake.engine.presence import Watch
from longtake.engine.review import worst_first
from longtake.systems.calibration import UNCALIBRATED, Calibration, calibration_of
from longtake.systems.models import BUNDLED_DEFAULT


def test_one_object() -> None:
    labels = np.array([[1, 1, 0, 0]], np.uint16)
    certainty = np.array([[0.9, 0.7, 0.8, 1.0]], np.float32)
    # 1.6 of two pixels are the object's, and 0.2 of it lies beyond them
    assert confidence(labels, certainty, (1,)) == {1: pytest.approx(1.6 / 2.2)}
    half = Calibration((0.0, 1.0), (0.0, 0.5))
    assert confidence(labels, certainty, (1,), half) == {1: pytest.approx(0.8 / 2.2)}


def test_what_is_left_open_is_shared_by_outlines() -> None:
    labels = np.array([[1, 2, 2, 2, 2, 0, 0, 0]], np.uint16)
    certainty = np.array([[1, 1, 1, 1, 1, 0.7, 0.7, 0.7]], np.float32) - np.float32(1e-6)
    found = confidence(labels, certainty, (1, 2, 3))
    # 0.9 is open: a third of it is the small one's (roots of 1 and 4 pixels), two thirds the other's
    assert found == {1: pytest.approx(1 / 1.3, abs=1e-4), 2: pytest.approx(4 / 4.6, abs=1e-4), 3: None}


def test_what_was_given_is_certain_whatever_lies_around() -> None:
    labels, certainty = np.array([[1, 0]], np.uint16), np.array([[1.0, 0.5]], np.float32)
    assert confidence(labels, certainty, (1,), Calibration((0.0, 1.0), (0.2, 0.8))) == {1: 1.0}


def test_only_bundled_models_are_calibrated() -> None:
    assert calibration_of("dtmnet-resnet101") == UNCALIBRATED
    found = calibration_of(BUNDLED_DEFAULT)
    values = [found(x) for x in np.linspace(0, 1, 50)]
    assert values == sorted(values)
    assert 0 <= values[0] < values[-1] <= 1


def test_presence_is_visible_hidden_gone_and_returned() -> None:
    watch = Watch(gone=2.0)
    seen = [True, False, False, False, True, True, False, True]
    assert [watch.look(Fraction(second), {1: here})[1] for second, here in enumerate(seen)] == [
        "visible", "hidden", "gone", "gone", "returned", "visible", "hidden", "returned",
    ]  # fmt: skip
    assert [watch.look(Fraction(second), {2: False})[2] for second in (5, 6, 7)] == ["hidden", "hidden", "gone"]


def test_the_worst_comes_first_and_neighbours_wait() -> None:
    found = {frame: {1: 0.9 - 0.01 * frame, 2: None} for frame in range(20)} | {3: {1: 0.8, 2: 0.1}, 20: {1: None}}
    queue = worst_first(found, pinned=(12,))
    assert [(doubt.frame, doubt.id) for doubt in queue] == [(3, 2), (19, 1)]
    assert [doubt.confidence for doubt in queue] == pytest.approx([0.1, 0.71])
    assert [doubt.frame for doubt in worst_first(found, apart=8)] == [3, 19, 11]


def test_the_queue_of_an_hour_is_made_at_once() -> None:
    found = {frame: {1: (frame * 7919 % 10_007) / 10_007} for frame in range(100_000)}
    began = time.perf_counter()
    queue = worst_first(found)
    assert time.perf_counter() - began < 5  # 0.3 s alone; each against each takes minutes
    frames = sorted(doubt.frame for doubt in queue)
    assert min(np.diff(frames)) == 5
