"""Results written in a thread of their own: all of them, in order, and what goes wrong is told."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from longtake.errors import OutputError
from longtake.types import Frame, Prediction
from longtake.video.behind import Behind
from longtake.video.sinks import Sink


def prediction(index: int) -> Prediction:
    frame = Frame(index, f"{index:06d}", Fraction(index, 24), True, np.zeros((2, 2, 3), np.uint8))
    labels = np.zeros((2, 2), np.uint16)
    return Prediction(frame, (), labels, np.ones((2, 2), np.float32), False, lambda: np.ones((1, 2, 2), np.float32))


class Kept(Sink):
    def __init__(self, full_at: int | None = None) -> None:
        self.names, self.full_at, self.go = list[str](), full_at, threading.Event()
        self.go.set()

    def write(self, prediction: Prediction) -> None:
        self.go.wait(10)
        if len(self.names) == self.full_at:
            raise OutputError("the disk is full")
        self.names.append(prediction.frame.name)


def names(count: int) -> list[str]:
    return [f"{index:06d}" for index in range(count)]


def test_everything_is_written_in_order_by_the_end() -> None:
    sinks = [Kept(), Kept()]
    with Behind(sinks) as results:
        for index in range(20):
            results.write(prediction(index))
    assert [sink.names for sink in sinks] == [names(20)] * 2


def test_it_lags_by_no_more_than_its_depth() -> None:
    sink, begun = Kept(), list[int]()
    sink.go.clear()

    def work() -> None:
        with Behind([sink], depth=3) as results:
            for index in range(9):
                results.write(prediction(index))
                begun.append(index)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(0.5)
    assert len(begun) <= 4  # three wait, one is being written
    sink.go.set()
    worker.join(10)
    assert sink.names == names(9)


def test_what_was_made_before_an_error_of_the_work_is_written() -> None:
    sink = Kept()
    with pytest.raises(KeyboardInterrupt), Behind([sink]) as results:
        for index in range(3):
            results.write(prediction(index))
        raise KeyboardInterrupt
    assert sink.names == names(3)


@pytest.mark.parametrize("count", [6, 50])
def test_an_error_of_writing_ends_the_work_and_nothing_comes_after_it(count: int) -> None:
    sinks = [Kept(full_at=5), Kept()]
    with pytest.raises(OutputError, match="full"), Behind(sinks) as results:
        for index in range(count):
            results.write(prediction(index))
    assert [sink.names for sink in sinks] == [names(5)] * 2


def test_an_error_of_writing_does_not_hide_the_one_that_ended_the_work() -> None:
    with pytest.raises(KeyboardInterrupt), Behind([Kept(full_at=0)]) as results:
        results.write(prediction(0))
        raise KeyboardInterrupt
