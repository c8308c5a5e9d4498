"""Whether an object is to be seen: visible, hidden, gone, or back again."""

from fractions import Fraction
from typing import Literal

Presence = Literal["visible", "hidden", "gone", "returned"]
"""hidden: not to be seen, though it was less than `GONE` seconds ago. returned: visible again after either."""

GONE = 5.0
"""Seconds out of sight after which an object counts as gone."""


class Watch:
    """Tells of each object's presence, frame after frame."""

    def __init__(self, gone: float = GONE) -> None:
        self.gone = gone
        self._seen = dict[int, Fraction]()
        self._away = set[int]()

    def look(self, seconds: Fraction, visible: dict[int, bool]) -> dict[int, Presence]:
        """The presence of each followed object in the next frame, by whether it has a pixel there.

        An object that was never seen is hidden first, then gone, counted from its first frame.
        """
        return {name: self._of(name, seconds, here) for name, here in visible.items()}

    def _of(self, name: int, seconds: Fraction, visible: bool) -> Presence:
        last = self._seen.setdefault(name, seconds)
        if visible:
            self._seen[name] = seconds
            back = name in self._away
            self._away.discard(name)
            return "returned" if back else "visible"
        self._away.add(name)
        return "hidden" if abs(seconds - last) < self.gone else "gone"
