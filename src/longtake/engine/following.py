"""Which frames are kept, and which a system is shown, where objects are followed from one frame to another."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Way = Literal["both", "forward", "backward"]


@dataclass(frozen=True)
class Only:
    """Which frames to store on the way, None for all; and whether the system looks at these alone."""

    keep: frozenset[int] | None = None
    looked: bool = False

    @cached_property
    def _sorted(self) -> list[int]:
        return sorted(self.keep or ())

    def keeps(self, frame: int) -> bool:
        """Whether what is predicted on a frame is stored."""
        return self.keep is None or frame in self.keep

    def looks_at(self, frame: int) -> bool:
        """Whether the system is shown a frame."""
        return not self.looked or self.keeps(frame)

    def between(self, first: int, second: int) -> int:
        """How many frames the system is shown between two, these left out."""
        if self.keep is None or not self.looked:
            return max(0, second - first - 1)
        return max(0, bisect_left(self._sorted, second) - bisect_right(self._sorted, first))


EVERY = Only()
