"""A stretch of a video, in either direction: where the last frame comes first, they are read a few at a time."""

import copy
from collections.abc import Iterator

from longtake.types import Frame
from longtake.video.reader import FrameReader
from longtake.video.source import Source
from longtake.video.spans import Mark, Span

AT_ONCE = 32
"""Frames that are held where they come backwards."""


def stretch(source: Source, first: int, last: int) -> Iterator[Frame]:
    """Frames from index `first` to `last`, both included, backwards where `last` is the smaller one.

    The source must be one that gives its frames again. Raises SourceError as reading does.
    """
    if first <= last:
        part = copy.copy(source)
        part.span = Span(Mark(f"#{first}", frame=first), Mark(f"#{last}", frame=last))
        yield from part
        return
    with FrameReader(source) as reader:
        for begin in range(first, last - 1, -AT_ONCE):
            yield from reversed([reader.frame(index) for index in range(max(last, begin - AT_ONCE + 1), begin + 1)])
