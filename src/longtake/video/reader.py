"""Single frames of a video by index: the next one costs one to decode, any other those from the keyframe before it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from threading import Lock

from longtake.errors import SettingError, SourceError
from longtake.types import Frame
from longtake.video.source import Entry, Source, check_size


class FrameReader:
    """Frames in any order, by several threads, with the same pixels and times as those of iterating over the source.

    One frame is kept, however many are asked for. Raises SourceError where the source cannot be read, or where it
    changes while this is open; once it is as it was, frames can be had again.
    """

    def __init__(self, source: Source) -> None:
        self.source, self._times = source, source.times()
        self._lock, self._open = Lock(), ExitStack()
        self._entries_from: Callable[[int], Iterator[Entry]] | None = None
        self._entries: Iterator[Entry] = iter(())
        self._entry: Entry | None = None
        self._first: tuple[str, tuple[int, int]] | None = None

    def __enter__(self) -> "FrameReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self._times)

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        return self.source.info.rate

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, of every frame."""
        return (self._first or (0, self.frame(0).size))[1]

    def seconds(self, index: int) -> Fraction:
        """When a frame is shown, since the first. Raises SettingError where there is no such frame."""
        return self._times[self._checked(index)]

    def keyframe(self, index: int) -> int:
        """The keyframe at or before a frame: the quickest one to have. Raises SettingError on an index outside."""
        return self.source.keyframe(self._checked(index))

    def frame(self, index: int) -> Frame:
        """The frame at an index. Raises SettingError where there is none, SourceError where it cannot be read."""
        self._checked(index)
        with self._lock:
            try:
                self._check_unchanged()
                entry = self._entry_at(index)
                frame = entry.frame()
                self._first = self._first or (entry.where, frame.size)
                check_size(frame, entry.where, *self._first)
            except BaseException:
                self._close()
                raise
            return frame

    def close(self) -> None:
        """Give the file back; a later request opens it anew."""
        with self._lock:
            self._close()

    def _checked(self, index: int) -> int:
        if not 0 <= index < self.count:
            raise SettingError(f"frame {index}: {self.source.info.name} has frames 0 to {self.count - 1}")
        return index

    def _check_unchanged(self) -> None:
        times = self.source.times()
        if times.ticks is not self._times.ticks:
            self._close()
            if times != self._times:
                raise SourceError(
                    f"{self.source.info.name}: has {len(times)} frames at other times than the {self.count} that it had"
                    " when it was opened; put the old one back, or open it anew"
                )
            self._times = times

    def _entry_at(self, index: int) -> Entry:
        entry = self._entry
        if entry is None or not self.source.keyframe(index) <= entry.index <= index:
            if self._entries_from is None:
                self._entries_from = self._open.enter_context(self.source.opened())
            self._entries, entry = self._entries_from(index), None
        while entry is None or entry.index < index:
            entry = next(self._entries, None)
            if entry is None or entry.index > index:
                raise SourceError(f"{self.source.info.name}: frame {index} cannot be read any more")
        self._entry = entry
        return entry

    def _close(self) -> None:
        self._entry, self._entries, self._entries_from = None, iter(()), None
        self._open.close()
