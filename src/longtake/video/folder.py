"""Frames that are images: a folder of them, or arrays in memory."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from longtake.errors import SourceError
from longtake.types import VideoInfo
from longtake.video.images import IMAGE_ENDINGS, images_in, read_image, repeated_names
from longtake.video.source import ASSUMED_RATE, Entry, Source, Times


class FolderSource(Source):
    """Every image of a folder, whatever its name; a frame is named by its stem."""

    def __init__(self, path: Path, rate: Fraction = ASSUMED_RATE) -> None:
        self.files = images_in(path)
        if not self.files:
            raise SourceError(f"{path}: no images in this folder; it may hold {', '.join(sorted(IMAGE_ENDINGS))}")
        if twice := repeated_names(self.files):
            raise SourceError(f"{path}: several images are named {twice[0]}; frames are named without their ending")
        self.info = VideoInfo(path.name, len(self.files), rate, 1 / rate)
        self._times = Times(range(len(self.files)), 1 / rate)

    def times(self) -> Times:
        return self._times

    def name(self, index: int) -> str:
        return self.files[index].stem

    def entries(self) -> Iterator[Entry]:
        return self._entries(0)

    def opened(self) -> AbstractContextManager[Callable[[int], Iterator[Entry]]]:
        return nullcontext(self._entries)

    def _entries(self, first: int) -> Iterator[Entry]:
        for index in range(first, len(self.files)):
            file = self.files[index]
            seconds = index / self.info.rate
            yield Entry(index, file.stem, seconds, seconds, True, partial(read_image, file), str(file))


class ArraySource(Source):
    """Frames from memory: RGB uint8 [h, w, 3] each, or grey [h, w]; one array of them, or any iterable."""

    def __init__(self, images: np.ndarray | Iterable[np.ndarray], rate: Fraction = ASSUMED_RATE) -> None:
        count = len(images) if isinstance(images, np.ndarray | list | tuple) else None
        self.images, self.info = images, VideoInfo("arrays", count, rate, 1 / rate)
        self._times = None if count is None else Times(range(count), 1 / rate)

    def times(self) -> Times:
        return self._times or super().times()

    def entries(self) -> Iterator[Entry]:
        for index, image in enumerate(self.images):
            name = f"{index:06d}"
            seconds = index / self.info.rate
            yield Entry(index, name, seconds, seconds, True, partial(_as_rgb, image, index), f"frame {name}")


def _as_rgb(image: np.ndarray, index: int) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        shape = "x".join(map(str, image.shape))
        raise SourceError(f"frame {index}: an array {shape} of {image.dtype}; give uint8, [h, w, 3] or [h, w]")
    return np.array(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2))
