"""Video files and streams through PyAV: exact timestamps, rotation applied, whatever decodes before a break."""

import logging
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from longtake.errors import SourceError
from longtake.types import Frame, VideoInfo
from longtake.video.seek import find_start
from longtake.video.source import ASSUMED_RATE, Entry, Source

log = logging.getLogger("longtake")

SHORT = Fraction(1, 2)
"""Seconds that a video may end earlier than it announces without a word."""


class FileSource(Source):
    """A video file, or the address of a stream; frames are named by a six-digit index.

    patience: seconds without data after which a stream is given up; None waits for ever.
    """

    def __init__(self, path: Path | str, patience: float | None = None) -> None:
        self.path, self.patience = path, patience
        self.address, self.label = str(path), without_password(str(path))
        self.live: av.container.InputContainer | None = None
        self.until = Fraction(0)
        """When the last frame that was read ends."""
        self.mended = 0
        """Frames whose time was not after that of the frame before."""
        container = self._opened()
        stream = self._video(container)
        rate = Fraction(stream.average_rate or stream.guessed_rate or ASSUMED_RATE)
        name = path.stem if isinstance(path, Path) else self.label
        self.info = VideoInfo(name, stream.frames or None, rate, Fraction(stream.time_base or 1 / rate))
        self.announced = _announced(container, stream)
        if isinstance(path, Path):
            self.sound = path if container.streams.audio else None
            container.close()
        else:
            self.live = container  # many servers take a client once

    def entries(self) -> Iterator[Entry]:
        """All frames; where a span begins later, those from the keyframe before it on."""
        seconds = first = None
        count = 0
        try:
            for index, decoded, first_tick in self._numbered():
                seconds = self._seconds(decoded, index, seconds)
                if first is None:
                    first = seconds if first_tick is None else first_tick * self.info.time_base
                name = f"{index:06d}"
                where = f"{self.label}: frame {name}"
                image = partial(upright, decoded)
                yield Entry(index, name, seconds, seconds - first, bool(decoded.key_frame), image, where)
                count = index + 1
                lasts = (decoded.duration or 0) * Fraction(decoded.time_base or 0)
                self.until = seconds + max(lasts, 1 / self.info.rate)
        except (av.error.ExitError, av.error.TimeoutError) as error:
            place = _place(count, seconds)
            raise SourceError(
                f"{self.label}: no data for {self.patience} seconds after {place}; is it still up?"
            ) from error
        except (av.FFmpegError, OSError) as error:
            place = _place(count, seconds)
            raise SourceError(
                f"{self.label}: damaged after {place} ({error.strerror}); the frames before are good"
            ) from error
        if count == 0:
            raise SourceError(f"{self.label}: a video without frames")

    def _numbered(self) -> Iterator[tuple[int, av.VideoFrame, int | None]]:
        """Index and frame, and the ticks of the file's first frame where a seek passed it by."""
        if isinstance(self.path, Path) and self.span.start is not None:
            with self._opened() as container:
                start = find_start(container, self._video(container), self.span.start)
            with self._opened() as container:
                stream = self._video(container)
                if start is not None:
                    container.seek(start.ticks[start.target], stream=stream)
                    frames = _decoded(container, stream)
                    landed = next(frames, None)
                    index = start.index_of(landed)
                    if landed is not None and index is not None:
                        yield index, landed, start.ticks[0]
                        yield from ((i, frame, start.ticks[0]) for i, frame in enumerate(frames, index + 1))
                        return
        with self._opened() as container:
            frames = _decoded(container, self._video(container))
            yield from ((index, frame, None) for index, frame in enumerate(frames))

    def __iter__(self) -> Iterator[Frame]:
        last = None
        for last in super().__iter__():
            yield last
        if last is not None and self.span.end is None and self.cut_off:
            place, announced = _place(last.index + 1, last.seconds), float(self.announced)
            log.warning("%s: ends after %s, though it announces %.2f s; is it cut off?", self.label, place, announced)

    @property
    def cut_off(self) -> bool:
        """Whether the frames that were read end earlier than the file announces."""
        return self.until + SHORT < self.announced

    def _seconds(self, decoded: av.VideoFrame, index: int, previous: Fraction | None) -> Fraction:
        """The frame's time; where the file has none (raw streams) or goes back, that of its rate, on a whole tick."""
        if decoded.pts is not None and decoded.time_base is not None:
            stored = decoded.pts * Fraction(decoded.time_base)
            if previous is None or stored > previous:
                return stored
            self.mended += 1
        step = Fraction(index) / self.info.rate if previous is None else previous + 1 / self.info.rate
        ticks = round(step / self.info.time_base)
        least = 0 if previous is None else round(previous / self.info.time_base) + 1
        return max(ticks, least) * self.info.time_base

    def _opened(self) -> av.container.InputContainer:
        if self.live is not None:
            container, self.live = self.live, None
            return container
        try:
            return av.open(self.address, timeout=self.patience)
        except (av.error.ExitError, av.error.TimeoutError) as error:
            raise SourceError(f"{self.label}: no answer for {self.patience} seconds") from error
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{self.label}: not a readable video ({error.strerror})") from error

    def _video(self, container: av.container.InputContainer) -> av.VideoStream:
        if not container.streams.video:
            raise SourceError(f"{self.label}: holds no video stream")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise SourceError(
                f"{self.label}: its pictures are in a form that nothing here decodes; convert it to H.264"
            )
        return stream


def without_password(address: str) -> str:
    """An address as it may be shown: without user and password."""
    return re.sub(r"//[^/@]*@", "//", address)


def _place(index: int, seconds: Fraction | None) -> str:
    return "the beginning" if index == 0 or seconds is None else f"frame {index - 1:06d} at {float(seconds):.2f} s"


def _announced(container: av.container.InputContainer, stream: av.VideoStream) -> Fraction:
    """When the video ends by its own account; 0 where it gives none, or where sound alone may be what lasts so long."""
    start = Fraction(container.start_time or 0, av.time_base)
    if stream.duration is not None and stream.time_base is not None:
        return start + stream.duration * Fraction(stream.time_base)
    if match := re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", "")):  # Matroska
        return 3600 * int(match[1]) + 60 * int(match[2]) + Fraction(match[3])
    if container.duration is None or len(container.streams) > 1:
        return Fraction(0)
    return start + Fraction(container.duration, av.time_base)


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Frames as they decode; at a break, those that the decoder still holds come before its error.

    Not by threads that take a frame each: at a break those lose frames, and the error with them.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except (av.FFmpegError, OSError):
            yield from _drained(stream)
            raise
        if packet is None:
            return
        yield from frames


def _drained(stream: av.VideoStream) -> list[av.VideoFrame]:
    try:
        return list(stream.codec_context.decode(None))
    except (av.FFmpegError, OSError):
        return []


def upright(decoded: av.VideoFrame) -> np.ndarray:
    """The frame as it is meant to be seen: the display matrix turns it counter-clockwise by `rotation` degrees."""
    image = decoded.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, round(decoded.rotation / 90) % 4))
