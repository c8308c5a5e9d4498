"""Parts of a video, forwards and backwards."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.types import VideoInfo
from longtake.video import stretch as stretches
from longtake.video.sinks import VideoSink
from longtake.video.sources import open_source
from longtake.video.stretch import stretch

COUNT = 11


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stretch") / "clip.mp4"
    with VideoSink(path, VideoInfo("clip", COUNT, Fraction(10), Fraction(1, 10))) as video:
        for index in range(COUNT):
            video.add(np.full((32, 48, 3), 20 * index, np.uint8), Fraction(index, 10))
    return path


@settings(max_examples=25)
@given(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1))
def test_frames_come_in_the_order_that_is_asked_for(clip: Path, first: int, last: int) -> None:
    source = open_source(clip)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "AT_ONCE", 3)
        frames = list(stretch(source, first, last))
    step = 1 if first <= last else -1
    assert [frame.index for frame in frames] == list(range(first, last + step, step))
    assert all(abs(int(frame.image.mean()) - 20 * frame.index) < 6 for frame in frames)
    assert source.span.whole
