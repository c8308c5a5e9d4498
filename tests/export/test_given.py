"""Masks made of prompts, frame by frame."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from longtake.engine.session import Session
from longtake.errors import MaskError
from longtake.export.given import Given
from longtake.prompting.prompted import Prompted
from longtake.prompting.rough import Rough
from longtake.systems.zoo import ZOO
from longtake.types import Frame
from longtake.video.palette import write_labels
from longtake.video.spans import parse_mark

POINT, BOX = Rough(points=((5, 5),)), Rough(box=(0, 0, 20, 20))


class Square:
    """Always the same square; remembers what was there."""

    def __init__(self) -> None:
        self.there: list[np.ndarray | None] = []

    def __call__(self, image: np.ndarray, rough: Rough, mask: np.ndarray | None = None) -> np.ndarray:
        self.there.append(None if mask is None else mask.copy())
        square = np.zeros(image.shape[:2], bool)
        square[10:30, 10:30] = True
        return square


def frame(index: int, rate: int = 10, shift: int = 0) -> Frame:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    return Frame(index, f"{index:06d}", Fraction(index, rate) + shift, True, image, Fraction(shift))


@pytest.fixture
def session() -> Session:
    return Session(ZOO["stm-mobilenet-v2"].tiny().build().eval(), keep=0)


def test_points_correct_what_is_expected_and_a_box_does_not(session: Session, tmp_path: Path) -> None:
    make = Square()
    later = [Prompted(1, POINT, parse_mark("#1", "")), Prompted(2, BOX, parse_mark("#1", ""))]
    given = Given(None, [Prompted(1, BOX), Prompted(2, POINT), *later], make, tmp_path / "prompts", Fraction(10))
    with pytest.raises(MaskError, match="object 2, frame 000000: all of it lies in other"):
        mask = np.zeros((64, 96), np.uint16)
        mask[5:40, 5:40] = 1
        write_labels(tmp_path / "mask.png", mask)
        Given(tmp_path / "mask.png", [Prompted(2, POINT)], make, tmp_path / "p", Fraction(10))(frame(0), session)
    make.there.clear()
    masks = given(frame(0), session)
    assert masks is not None
    assert masks.ids == (2,)  # the later one lies on top
    session.push(frame(0), {1: mask == 1, 2: mask == 0})
    time, moment = session.time, session.moment()
    given(frame(1), session)
    assert session.time == time
    expected = session.push(frame(1)).labels
    session.rewind(moment)
    assert np.array_equal(make.there[2], expected == 1)  # type: ignore[arg-type]
    assert not make.there[3].any()  # type: ignore[union-attr]
    assert given(frame(2), session) is None
    given.check_used()
    assert sorted(path.name for path in (tmp_path / "prompts").iterdir()) == ["000000.png", "000001.png"]


@pytest.mark.parametrize(("first", "text", "due"), [(0, "0", 0), (0, "0.25", 3), (20, "2", 20), (20, "1.95", 20)])
def test_a_time_is_the_first_frame_at_or_after_it(
    first: int, text: str, due: int, session: Session, tmp_path: Path
) -> None:
    given = Given(None, [Prompted(1, BOX, parse_mark(text, ""))], Square(), tmp_path / "prompts", Fraction(10))
    found = [index for index in range(first, first + 5) if given(frame(index, shift=100), session) is not None]
    assert found == [due]


def test_what_lies_before_the_frames_is_left_out(session: Session, tmp_path: Path) -> None:
    given = Given(None, [Prompted(1, BOX, parse_mark("1", ""))], Square(), tmp_path / "prompts", Fraction(10))
    assert given(frame(20), session) is None
    for all_frames in (True, False):
        with pytest.raises(MaskError, match="object 1: no frame at 1"):
            given.check_used(all_frames)
