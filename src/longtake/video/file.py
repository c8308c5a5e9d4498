"""Video files and streams through PyAV: exact timestamps, rotation applied, whatever decodes before a break."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from longtake.errors import SourceError
from longtake.types import Frame, VideoInfo
from longtake.video.decoder import Decoder, Opened
from longtake.video.index import Clock, FrameIndex, read_index
from longtake.video.source import ASSUMED_RATE, Entry, Source, Times

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
        self._indices: dict[tuple[int, int, int], FrameIndex] = {}
        """By the state of the file: one at most, shared with copies of this source."""
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

    def times(self) -> Times:
        """Read from packets once, for copies of this source too; from decoding where packets may err."""
        return Times(self._index().ticks, self.info.time_base)

    def keyframe(self, index: int) -> int:
        return next(self._index().keys_before(index))

    def entries(self) -> Iterator[Entry]:
        """All frames; where a span begins later, those from the keyframe before it on."""
        start = self.span.start if isinstance(self.path, Path) else None
        with self._decoder() as decoder:
            yield from self._entries(decoder, None if start is None else start.place(self.times()))

    @contextmanager
    def opened(self) -> Iterator[Callable[[int], Iterator[Entry]]]:
        with self._decoder() as decoder:
            yield partial(self._entries, decoder)

    def _entries(self, decoder: Decoder, first: int | None) -> Iterator[Entry]:
        """Frames from a keyframe at or before `first` on; without it, all frames, as they come."""
        index = None if first is None else self._index()
        clock, tick, origin, count = self._clock(), None, index.ticks[0] if index else None, 0
        base = self.info.time_base
        try:
            numbered = index.numbered(decoder, first or 0) if index else enumerate(decoder.frames())
            for number, decoded in numbered:
                tick = clock.tick(decoded, number) if index is None else index.ticks[number]
                origin = tick if origin is None else origin
                self.mended, count = clock.mended, number + 1
                name = f"{number:06d}"
                where = f"{self.label}: frame {name}"
                image = partial(upright, decoded)
                seconds, since = tick * base, (tick - origin) * base
                yield Entry(number, name, seconds, since, bool(decoded.key_frame), image, where)
                lasts = (decoded.duration or 0) * Fraction(decoded.time_base or 0)
                self.until = seconds + max(lasts, 1 / self.info.rate)
        except (av.error.ExitError, av.error.TimeoutError) as error:
            place = _place(count, (tick or 0) * base)
            raise SourceError(
                f"{self.label}: no data for {self.patience} seconds after {place}; is it still up?"
            ) from error
        except (av.FFmpegError, OSError) as error:
            place = _place(count, (tick or 0) * base)
            raise SourceError(
                f"{self.label}: damaged after {place} ({error.strerror}); the frames before are good"
            ) from error
        except LookupError as error:
            raise SourceError(f"{self.label}: damaged at frame {error}; convert the video before using it") from error
        if count == 0:
            raise SourceError(f"{self.label}: a video without frames")

    def _index(self) -> FrameIndex:
        """The index of the file as it is now."""
        if not isinstance(self.path, Path):
            raise SourceError(f"{self.label}: its frames come only once, in order; save them as a video first")
        try:
            file = self.path.stat()
        except OSError as error:
            raise SourceError(f"{self.label}: cannot be read any more ({error.strerror}); put it back") from error
        state = (file.st_ino, file.st_size, file.st_mtime_ns)
        if (index := self._indices.get(state)) is None:
            with self._decoder() as decoder:
                index = read_index(decoder, self._clock())
            if not index.ticks:
                raise SourceError(f"{self.label}: a video without frames")
            if not index.whole:
                place = _place(len(index.ticks), index.ticks[-1] * self.info.time_base)
                log.warning("%s: damaged after %s; it is taken to end there", self.label, place)
            self._indices.clear()
            self._indices[state] = index
        return index

    def _clock(self) -> Clock:
        return Clock(self.info.rate, self.info.time_base)

    def _decoder(self) -> Decoder:
        def opening() -> Opened:
            container = self._opened()
            return container, self._video(container)

        return Decoder(opening)

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


def _place(count: int, seconds: Fraction) -> str:
    return f"frame {count - 1:06d} at {float(seconds):.2f} s" if count else "the beginning"


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


def upright(decoded: av.VideoFrame) -> np.ndarray:
    """The frame as it is meant to be seen: the display matrix turns it counter-clockwise by `rotation` degrees."""
    image = decoded.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, round(decoded.rotation / 90) % 4))
