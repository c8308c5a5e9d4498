"""Objects that have not been seen for a while are followed no longer."""

import logging
from fractions import Fraction

import numpy as np

from longtake.engine.session import Session
from longtake.types import Prediction
from longtake.video.spans import Mark

log = logging.getLogger("longtake")


class Forgetter:
    """Removes what had no pixel in the labels for so long. after: seconds, or a number of frames; None forgets none."""

    def __init__(self, after: Mark | None) -> None:
        self.after = after
        self.seen: dict[int, tuple[int, Fraction, str]] = {}

    def look(self, session: Session, prediction: Prediction) -> tuple[int, ...]:
        """To be called with every prediction; the objects that were forgotten now. New masks bring them back."""
        if self.after is None:
            return ()
        frame, there = prediction.frame, set(np.unique(prediction.labels).tolist())
        now = (frame.index, frame.seconds, frame.name)
        self.seen = {name: now if name in there else self.seen.get(name, now) for name in prediction.ids}
        gone = tuple(name for name, (index, seconds, _) in self.seen.items() if self._is_long(now, index, seconds))
        if gone:
            session.remove(*gone)
        for name in gone:
            last = self.seen.pop(name)
            log.info("frame %s: object %d is forgotten, last seen in frame %s", frame.name, name, last[2])
        return gone

    def _is_long(self, now: tuple[int, Fraction, str], index: int, seconds: Fraction) -> bool:
        assert self.after is not None
        if now[0] <= index:
            return False
        if self.after.seconds is not None:
            return now[1] - seconds >= self.after.seconds
        return now[0] - index >= (self.after.frame or 0)
