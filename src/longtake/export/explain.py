"""Pictures of what a system looked at: an object's area in a frame, and where it read in remembered ones (STM, fig. 5).

Of the frames that memory holds, and of no others, a small copy is kept until nothing more is to be explained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from longtake.engine.explain import Explanation
from longtake.engine.session import Session
from longtake.errors import SettingError
from longtake.export.sheets import Tile, heated, marked, sheet, small
from longtake.systems.protocol import Look
from longtake.types import Frame
from longtake.video.sinks import make_folder, output
from longtake.video.spans import parse_mark
from longtake.video.whole import whole

MOST = 31
"""Remembered frames on a sheet; of more, those that most was read from."""


@dataclass(frozen=True)
class Copy:
    """A frame by name, and its small copy [h, w, 3]."""

    name: str
    picture: np.ndarray


class Explainer:
    """explain/<frame>/object-<id>.png for the frames at or after the given times: seconds, clock times, or #frames.

    Raises SettingError where a time is unreadable.
    """

    def __init__(self, folder: Path, times: Sequence[str]) -> None:
        self.folder = folder
        self.marks = [parse_mark(text, "--explain") for text in times]
        self.copies: dict[int, Copy] = {}
        self.last = ""

    def look(self, session: Session, frame: Frame) -> None:
        """To be called with every frame before it is pushed. Raises SettingError where nothing is followed by then."""
        if not self.marks:
            return
        copy, self.last = Copy(frame.name, small(frame.image)), frame.name
        self.copies = {time: self.copies[time] for time in session.remembered}
        reached = [mark for mark in self.marks if mark.reached_by(frame)]
        if reached:
            if not session.ids:
                raise SettingError(
                    f"--explain {reached[0].text}: at frame {frame.name} nothing is followed yet; name a frame after "
                    "the first that has a mask"
                )
            self._explain(session, frame, copy)
        self.marks = [mark for mark in self.marks if mark not in reached]
        self.copies[session.time] = copy

    def passed(self, session: Session, time: int, frame: Frame) -> None:
        """In place of `look`, with every frame that was done before the session was saved; time: counted from 0."""
        self.marks, self.last = [mark for mark in self.marks if not mark.reached_by(frame)], frame.name
        if self.marks and time in session.remembered:
            self.copies[time] = Copy(frame.name, small(frame.image))

    def check_done(self) -> None:
        """Raises SettingError naming a time that no frame reached."""
        if self.marks:
            raise SettingError(
                f"--explain {self.marks[0].text}: not reached, the last frame was {self.last}; name one that comes "
                "(all else is written)"
            )

    def _explain(self, session: Session, frame: Frame, copy: Copy) -> None:
        folder = make_folder(self.folder / frame.name)
        for explanation in session.explain(frame):
            path = folder / f"object-{explanation.id}.png"
            title, tiles = _tiles(explanation, copy, self.copies)
            with output(path), whole(path) as partial:
                sheet(title, tiles).save(partial, format="PNG")


def _tiles(explanation: Explanation, copy: Copy, copies: dict[int, Copy]) -> tuple[str, list[Tile]]:
    """The title of a sheet, and its tiles: the frame itself, then the remembered frames."""
    area, found = explanation.area_in_frame(), bool(explanation.area.any())
    looks = _most(explanation.looks) if found else []
    title = f"What was looked at for object {explanation.id} in frame {copy.name}"
    if not found:
        title = f"Object {explanation.id} was not found"
    elif left := len(explanation.looks) - len(looks):
        title += f" ({left} more remembered frames with less are left out)"
    heats = [small(explanation.weights_in_frame(look)) for look in looks]
    full = {name: _strongest(looks, heats, name) for name in {look.what for look in looks}}
    what = f"object {explanation.id}" if found else "nothing to trace"
    tiles = [Tile(marked(copy.picture, area), f"frame {copy.name} · {what}")]
    for look, heat in zip(looks, heats, strict=True):
        seen = copies[look.time]
        frames = f"all frames to {seen.name}" if look.through else f"frame {seen.name}"
        of = f" of {look.what}" if len(full) > 1 else ""
        tiles.append(Tile(heated(seen.picture, heat / full[look.what]), f"{frames} · {_share(look)}{of}"))
    return title, tiles


def _strongest(looks: Sequence[Look], heats: Sequence[np.ndarray], what: str) -> float:
    """The largest heat among those that share a whole."""
    return max(float(heat.max()) for look, heat in zip(looks, heats, strict=True) if look.what == what) or 1.0


def _most(looks: Sequence[Look]) -> list[Look]:
    """The looks in the order of time; of many, those with the largest shares."""
    largest = sorted(looks, key=lambda look: -float(look.weights.sum()))[:MOST]
    return sorted(largest, key=lambda look: look.time)


def _share(look: Look) -> str:
    share = 100 * float(look.weights.sum())
    if share >= 10 or share == 0:
        return f"{share:.0f} %"
    return f"{share:.1f} %" if share >= 0.1 else "below 0.1 %"
