"""Cameras through OpenCV, by index."""

import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import cv2
import numpy as np

from longtake.errors import SourceError
from longtake.types import VideoInfo
from longtake.video.source import Entry, Source

TICKS = 90_000
"""Per second, of a camera's timestamps."""


class CameraSource(Source):
    """Frames until the camera stops giving them; their time is when they came."""

    def __init__(self, index: int) -> None:
        self.index = index
        camera = self._opened()
        rate = Fraction(camera.get(cv2.CAP_PROP_FPS) or 30).limit_denominator(1001)
        camera.release()
        self.info = VideoInfo(f"camera {index}", None, rate, Fraction(1, TICKS))

    def entries(self) -> Iterator[Entry]:
        camera, begin, ticks = self._opened(), time.monotonic(), -1
        try:
            index = 0
            while True:
                came, image = camera.read()
                if not came:
                    raise SourceError(f"camera {self.index}: gives no more frames after {index}; was it unplugged?")
                ticks = max(ticks + 1, round((time.monotonic() - begin) * TICKS))
                name = f"{index:06d}"
                where = f"{self.info.name}: frame {name}"
                seconds = Fraction(ticks, TICKS)
                yield Entry(index, name, seconds, seconds, True, partial(_as_rgb, image), where)
                index += 1
        finally:
            camera.release()

    def _opened(self) -> Any:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            camera = cv2.VideoCapture(self.index)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not camera.isOpened():
            raise SourceError(f"camera {self.index}: cannot be opened; is it connected, and in use by nobody else?")
        return camera


def _as_rgb(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[..., ::-1])
