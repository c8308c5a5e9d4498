"""Spans of a video: from one time to another, both included, by seconds, clock time or frame."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from longtake.errors import SettingError
from longtake.types import Frame

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True)
class Mark:
    """A place in a video: seconds since its first frame, or the index of a frame."""

    text: str
    seconds: Fraction | None = None
    frame: int | None = None

    def precedes(self, index: int, since_first: Fraction) -> bool:
        """Whether it lies before a frame."""
        return self._order(index, since_first) < 0

    def follows(self, index: int, since_first: Fraction) -> bool:
        """Whether it lies after a frame."""
        return self._order(index, since_first) > 0

    def place(self, times: Sequence[Fraction]) -> int:
        """The index of the first frame that it does not follow, or of the last one; times: since the first frame."""
        wanted = self.frame or 0 if self.seconds is None else bisect_left(times, self.seconds)
        return min(wanted, len(times) - 1)

    def reached_by(self, frame: Frame) -> bool:
        """Whether a frame is at it or after it."""
        return not self.follows(frame.index, frame.since_first)

    def _order(self, index: int, since_first: Fraction) -> Fraction:
        if self.seconds is not None:
            return self.seconds - since_first
        return Fraction((self.frame or 0) - index)


@dataclass(frozen=True)
class Span:
    """From a mark to another, both included; None is the video's own beginning or end."""

    start: Mark | None = None
    end: Mark | None = None

    def __str__(self) -> str:
        return f"from {self.start.text if self.start else 'the start'} to {self.end.text if self.end else 'the end'}"

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.start is None and self.end is None

    def begins_after(self, index: int, since_first: Fraction) -> bool:
        """Whether a frame comes too early."""
        return self.start is not None and self.start.follows(index, since_first)

    def ends_before(self, index: int, since_first: Fraction) -> bool:
        """Whether a frame comes too late."""
        return self.end is not None and self.end.precedes(index, since_first)


def parse_mark(text: str, option: str) -> Mark:
    """`75`, `75.5`, `1:15.5`, `00:01:15.5` or `#1800`. Raises SettingError naming the option on anything else."""
    if match := re.fullmatch(r"#(\d+)", text):
        return Mark(text, frame=int(match[1]))
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return Mark(text, seconds=Fraction(text))
    if (match := _CLOCK.fullmatch(text)) and int(match[2]) < 60 and Fraction(match[3]) < 60:
        hours, minutes = int(match[1] or 0), int(match[2])
        return Mark(text, seconds=3600 * hours + 60 * minutes + Fraction(match[3]))
    raise SettingError(f"{option} {text}: write it as seconds (75.5), clock time (00:01:15.5) or frame (#1800)")


def parse_span(start: str | None, end: str | None, options: tuple[str, str] = ("--start", "--end")) -> Span:
    """The span of two options. Raises SettingError where one is unreadable or the end comes first."""
    span = Span(parse_mark(start, options[0]) if start else None, parse_mark(end, options[1]) if end else None)
    first, last = span.start, span.end
    if first and last:
        pairs = ((first.seconds, last.seconds), (first.frame, last.frame))
        if any(a is not None and b is not None and a > b for a, b in pairs):
            raise SettingError(f"{options[0]} {first.text} comes after {options[1]} {last.text}")
    return span
