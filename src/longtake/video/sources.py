"""Frame sources: a folder of images in natural order, or any video file through PyAV. Each can be read many times."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

from longtake.errors import SourceError
from longtake.types import Frame, VideoInfo

FOLDER_RATE = Fraction(24)
"""Frames per second of a folder, which states none."""

IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


class Source(ABC):
    """Frames in order of time; iterating again starts over."""

    info: VideoInfo

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames. Raises SourceError where one cannot be read."""


def open_source(path: Path) -> Source:
    """A folder of images or a video file. Raises SourceError naming what is wrong with it."""
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; give a video or a folder of images")
    return FileSource(path)


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts frame 10 after frame 9."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


class FolderSource(Source):
    """Every image of a folder, whatever its name; a frame is named by its stem."""

    def __init__(self, path: Path) -> None:
        found = (file for file in path.iterdir() if file.suffix.lower() in IMAGE_ENDINGS and file.is_file())
        self.files = sorted((file for file in found if not file.name.startswith(".")), key=natural_order)
        if not self.files:
            raise SourceError(f"{path}: no images in this folder; it may hold {', '.join(sorted(IMAGE_ENDINGS))}")
        names = [file.stem for file in self.files]
        if twice := sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []:
            raise SourceError(f"{path}: several images are named {twice[0]}; frames are named without their ending")
        self.info = VideoInfo(path.name, len(self.files), FOLDER_RATE)

    def __iter__(self) -> Iterator[Frame]:
        size = None
        for index, file in enumerate(self.files):
            image = _read_image(file)
            size = size or image.shape
            if image.shape != size:
                ours, theirs = (f"{shape[1]}x{shape[0]} pixels" for shape in (image.shape, size))
                raise SourceError(f"{file}: {ours}, but {self.files[0].name} is {theirs}; all frames must agree")
            yield Frame(index, file.stem, index / FOLDER_RATE, True, image)


def _read_image(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(f"{path}: not a readable image ({error})") from error


class FileSource(Source):
    """A video file: exact timestamps, rotation applied, frames named by a six-digit index."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as container:
            stream = _video_stream(container, path)
            rate = stream.average_rate or stream.guessed_rate or FOLDER_RATE
            self.info = VideoInfo(path.stem, stream.frames or None, Fraction(rate))

    def __iter__(self) -> Iterator[Frame]:
        index, begin = 0, None
        with _opened(self.path) as container:
            stream = _video_stream(container, self.path)
            stream.thread_type = "AUTO"
            try:
                for decoded in container.decode(stream):
                    begin = self._seconds(decoded) if begin is None else begin
                    stamp = self._seconds(decoded)
                    seconds = index / self.info.rate if stamp is None or begin is None else stamp - begin
                    image = _upright(decoded)
                    yield Frame(index, f"{index:06d}", seconds, bool(decoded.key_frame), image)
                    index += 1
            except av.FFmpegError as error:
                raise SourceError(f"{self.path}: cannot be decoded after frame {index} ({error.strerror})") from error
        if index == 0:
            raise SourceError(f"{self.path}: a video without frames")

    def _seconds(self, decoded: av.VideoFrame) -> Fraction | None:
        if decoded.pts is None or decoded.time_base is None:
            return None
        return decoded.pts * Fraction(decoded.time_base)


def _opened(path: Path) -> av.container.InputContainer:
    try:
        return av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{path}: not a readable video ({error.strerror})") from error


def _video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    if not container.streams.video:
        raise SourceError(f"{path}: holds no video stream")
    return container.streams.video[0]


def _upright(decoded: av.VideoFrame) -> np.ndarray:
    """The frame as it is meant to be seen: the display matrix turns it counter-clockwise by `rotation` degrees."""
    image = decoded.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, round(decoded.rotation / 90) % 4))
