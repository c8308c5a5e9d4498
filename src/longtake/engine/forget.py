"""Objects that have not been seen for a while are followed no longer."""

import logging
from fractions import Fraction
from pathlib import Path

import numpy as np

from longtake.engine.session import Session
from longtake.types import Frame, Prediction
from longtake.video.masks import read_masks
from longtake.video.spans import Mark

log = logging.getLogger("longtake")


class Forgetter:
    """Removes what had no pixel in the labels for so long.

    after: seconds, or a number of frames; None forgets none. labels: where an earlier run has written them.
    """

    def __init__(self, after: Mark | None, labels: Path | None = None) -> None:
        self.after, self.labels = after, labels
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

    def passed(self, session: Session, frame: Frame) -> None:
        """In place of `look`, with every frame that was done before the session was saved."""
        if self.after is None or self.labels is None:
            return
        there = set(read_masks(self.labels / f"{frame.name}.png").ids)
        for name in there.intersection(session.ids):
            self.seen[name] = (frame.index, frame.seconds, frame.name)

    def _is_long(self, now: tuple[int, Fraction, str], index: int, seconds: Fraction) -> bool:
        assert self.after is not None
        if now[0] <= index:
            return False
        if self.after.seconds is not None:
            return now[1] - seconds >= self.after.seconds
        return now[0] - index >= (self.after.frame or 0)
