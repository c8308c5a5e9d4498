"""The contract of a frame source: frames in order of time, within a span."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import overload

import numpy as np

from longtake.errors import SourceError
from longtake.types import Frame, VideoInfo
from longtake.video.spans import Span

ASSUMED_RATE = Fraction(24)
"""Frames per second of sources that state none."""


@dataclass(frozen=True)
class Entry:
    """A frame whose pixels are not made yet."""

    index: int
    name: str
    seconds: Fraction
    since: Fraction
    """Seconds since the source's first frame."""
    keyframe: bool
    load: Callable[[], np.ndarray]
    where: str
    """For messages."""

    def frame(self) -> Frame:
        """The frame with its pixels. Raises SourceError where they cannot be read."""
        return Frame(self.index, self.name, self.seconds, self.keyframe, self.load(), self.seconds - self.since)


@dataclass(frozen=True)
class Times(Sequence[Fraction]):
    """When each frame of a source is shown, in seconds since its first; kept as whole ticks."""

    ticks: Sequence[int]
    time_base: Fraction

    def __len__(self) -> int:
        return len(self.ticks)

    @overload
    def __getitem__(self, index: int) -> Fraction: ...
    @overload
    def __getitem__(self, index: slice) -> list[Fraction]: ...
    def __getitem__(self, index: int | slice) -> Fraction | list[Fraction]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return (self.ticks[index] - self.ticks[0]) * self.time_base


class Source(ABC):
    """Frames in order of time, within a span; iterating again starts over."""

    info: VideoInfo
    span: Span = Span()
    sound: Path | None = None
    """The file whose sound belongs to the frames."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """All frames of the source; those before the span may be left out."""

    def times(self) -> Times:
        """When each frame is shown, which tells how many there are; whatever the span.

        Raises SourceError where they come only once, and where they cannot be read any more.
        """
        raise SourceError(f"{self.info.name}: its frames come only once, in order; save them as a video first")

    def name(self, index: int) -> str:
        """The name of a frame."""
        return f"{index:06d}"

    def keyframe(self, index: int) -> int:
        """The last frame at or before this one that can be read without the ones before it."""
        return index

    def opened(self) -> AbstractContextManager[Callable[[int], Iterator[Entry]]]:
        """Something open that gives, as often as it is asked, the frames from one at or before an index on."""
        return nullcontext(lambda first: self.entries())

    def __iter__(self) -> Iterator[Frame]:
        """The frames within the span. Raises SourceError where one cannot be read or has another size."""
        size: tuple[str, tuple[int, int]] | None = None
        for entry in self.entries():
            if self.span.begins_after(entry.index, entry.since):
                continue
            if self.span.ends_before(entry.index, entry.since):
                break
            frame = entry.frame()
            size = size or (entry.where, frame.size)
            check_size(frame, entry.where, *size)
            yield frame
        if size is None:
            held = "holds no frames" if self.span.whole else f"has no frame {self.span}"
            raise SourceError(f"{self.info.name}: {held}")


def check_size(frame: Frame, where: str, first: str, size: tuple[int, int]) -> None:
    """Raise SourceError where a frame has not the size of the first."""
    if frame.size != size:
        now, then = (f"{width}x{height} pixels" for height, width in (frame.size, size))
        raise SourceError(f"{where}: {now}, but {Path(first).name} is {then}; all frames must agree")
