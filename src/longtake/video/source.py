"""The contract of a frame source: frames in order of time, within a span."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

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


class Source(ABC):
    """Frames in order of time, within a span; iterating again starts over."""

    info: VideoInfo
    span: Span = Span()
    sound: Path | None = None
    """The file whose sound belongs to the frames."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """All frames of the source; those before the span may be left out."""

    def __iter__(self) -> Iterator[Frame]:
        """The frames within the span. Raises SourceError where one cannot be read or has another size."""
        size: tuple[str, tuple[int, ...]] | None = None
        for entry in self.entries():
            if self.span.begins_after(entry.index, entry.since):
                continue
            if self.span.ends_before(entry.index, entry.since):
                break
            image = entry.load()
            size = size or (entry.where, image.shape)
            if image.shape != size[1]:
                now, then = (f"{shape[1]}x{shape[0]} pixels" for shape in (image.shape, size[1]))
                raise SourceError(f"{entry.where}: {now}, but {Path(size[0]).name} is {then}; all frames must agree")
            origin = entry.seconds - entry.since
            yield Frame(entry.index, entry.name, entry.seconds, entry.keyframe, image, origin)
        if size is None:
            held = "holds no frames" if self.span.whole else f"has no frame {self.span}"
            raise SourceError(f"{self.info.name}: {held}")
