"""A camera: masks to look at while they are made, frames that come too late dropped and told of."""

import csv
import threading
import urllib.error
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from longtake.data.synthetic import DEMO_ACTORS, render
from longtake.errors import SettingError, SourceError
from longtake.export import segment as module
from longtake.export.live import LiveSink
from longtake.export.segment import segment
from longtake.types import Frame, Prediction
from longtake.video.palette import write_labels

CLIP = [(image, ids.astype(np.uint16)) for image, ids in render(DEMO_ACTORS, 9, 64, 96, 2)]


def prediction(index: int) -> Prediction:
    image, ids = CLIP[index]
    frame = Frame(index, str(index), Fraction(index), True, image)
    return Prediction(frame, (1, 2, 3), ids, np.ones(ids.shape, np.float32), False, lambda: np.zeros(0))


def next_picture(stream: Any) -> np.ndarray:
    assert stream.readline() == b"--frame\r\n"
    assert stream.readline() == b"Content-Type: image/jpeg\r\n"
    size = int(stream.readline().split(b":")[1])
    stream.readline()
    picture = cv2.imdecode(np.frombuffer(stream.read(size), np.uint8), cv2.IMREAD_COLOR)
    stream.readline()
    assert picture is not None
    return picture


def test_a_page_shows_the_newest_overlay_until_the_end() -> None:
    with LiveSink() as live:
        assert live.address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(live.address, timeout=5) as page:
            assert b'src="stream"' in page.read()
        live.write(prediction(0))
        with urllib.request.urlopen(live.address + "stream", timeout=5) as stream:
            first = next_picture(stream)
            live.write(prediction(5))
            second = next_picture(stream)
            assert first.shape == second.shape == (64, 96, 3)
            assert np.abs(first.astype(int) - second).max() > 50
            live.__exit__(None, None, None)
            assert stream.read() == b""
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(live.address, timeout=1)
        live.thread.join()


class Camera:
    """Gives its frames at once, whoever is slow."""

    def __init__(self, _: int) -> None:
        self.left = list(CLIP)

    def get(self, _: int) -> float:
        return 30.0

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        if not self.left:
            return False, None
        return True, self.left.pop(0)[0][..., ::-1]

    def release(self) -> None:
        pass


def test_a_slow_system_drops_frames_of_a_camera_and_says_which(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    write_labels(tmp_path / "mask.png", CLIP[0][1])
    out, came = tmp_path / "out", threading.Event()
    push = module.Session.push

    def slow(self: module.Session, *words: Any, **more: Any) -> Prediction:
        came.wait(1)  # by then all frames of this camera are there
        return push(self, *words, **more)

    monkeypatch.setattr(module.Session, "push", slow)
    with pytest.raises(SourceError, match="gives no more frames after 9"):
        segment(0, tmp_path / "mask.png", out, model=str(tiny_model), save=(), latency=0.5, drop="waiting")
    with (out / "dropped.csv").open() as file:
        dropped = [int(row["index"]) for row in csv.DictReader(file)]
    done = sorted(int(path.stem) for path in (out / "labels").iterdir())
    assert sorted(dropped + done) == list(range(9))
    assert done[-1] == 8
    assert dropped


def test_a_file_drops_nothing(folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path) -> None:
    frames, masks = folder_clip
    with pytest.raises(SettingError, match="only cameras and streams drop some"):
        segment(frames, masks / "0.png", tmp_path / "out", model=str(tiny_model), latency=0.5)
