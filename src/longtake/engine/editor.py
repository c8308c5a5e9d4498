"""Editor: an annotation whose objects are followed, from what a person gave, in either direction.

Between edits nothing is remembered of the network: what an edit needs is made again from the frames and the given
masks, so an editor that is opened anew continues as if it had not been closed.
"""

import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from longtake.engine.annotation import PINNED, Annotation, Change, Labels, Origin, change_of
from longtake.engine.confidence import confidence
from longtake.engine.following import EVERY, Only, Way
from longtake.engine.fuse import fuse
from longtake.engine.history import Edit, History
from longtake.engine.runtime import Runtime
from longtake.engine.session import Session
from longtake.engine.step import Rules
from longtake.errors import SettingError
from longtake.systems.calibration import UNCALIBRATED, Calibration
from longtake.systems.protocol import AnySystem
from longtake.types import Frame, Masks, Prediction
from longtake.video.sinks import output
from longtake.video.source import Source
from longtake.video.stretch import stretch

REFERENCES = 4
"""Given frames that a system is shown before it follows from one: the nearest, and those of objects not seen there."""

Certainty = Float32[np.ndarray, "h w"]

Report = Callable[[int, int], None]
"""Called after each frame with how many have been looked at, and how many there are to be looked at."""


class Editor(Annotation):
    """Masks by frame index, given, propagated and corrected.

    A given mask is pinned: propagation never changes what a person gave, nor anything on a frame that was accepted.
    Masks may be given, by other threads too, while one thread follows; only one may follow at a time.
    """

    def __init__(
        self,
        system: AnySystem | None,
        source: Source,
        folder: Path,
        *,
        rules: Rules | None = None,
        short_side: int | None = 480,
        run: Runtime | None = None,
        calibration: Calibration = UNCALIBRATED,
        history: History | None = None,
    ) -> None:
        """system, rules, short_side, run: as `Session` takes them. source: a video or a folder, not a camera.

        system: None where nothing is followed before `follow_with` gives one. calibration: from expected J to measured
        J, for `confidence` and `review`.

        folder, history: as `Annotation` takes them, and it raises what that raises.
        """
        super().__init__(source, folder, history)
        self.short_side = short_side
        self.follow_with(system, rules=rules, run=run, calibration=calibration)

    def follow_with(
        self,
        system: AnySystem | None,
        *,
        rules: Rules | None = None,
        run: Runtime | None = None,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        """What follows objects from now on; arguments as those of the constructor."""
        self.system, self.calibration = system, calibration
        self._session: dict[str, Any] = {"rules": rules, "run": run, "short_side": self.short_side}

    def correct(
        self,
        frame: int,
        masks: Masks | Mapping[int, Any] | np.ndarray,
        *,
        again: bool = False,
        report: Report = lambda done, total: None,
    ) -> Change:
        """Give masks, then follow from them both ways, as far as the next frames where a person gave some.

        One edit for undo; the change names all frames. Raises as `give` does.
        """
        asked, masks = self._checked(frame, masks, again)
        with self.history.edit(f"correct {frame}") as edit:
            with self.history.lock:
                self._set(edit, frame, self._with(frame, masks, asked, "given"))
            self._along(edit, *self._around(frame), EVERY, report)
        return change_of(edit)

    def spread(
        self,
        frame: int,
        to: Way = "both",
        *,
        only: Only = EVERY,
        report: Report = lambda done, total: None,
    ) -> Change:
        """Follow from a frame: as far as pinned frames, fused with what comes from there, or to the ends."""
        self._check_masked(frame)
        with self.history.edit(f"spread from {frame}") as edit:
            self._along(edit, *self._around(frame, to), only, report)
        return change_of(edit)

    def _around(self, frame: int, to: Way = "both") -> tuple[list[tuple[int, int]], set[int]]:
        """From a frame to the pinned ones beside it or the ends, and the frames that are pinned."""
        pinned = self._pinned()
        before = max((other for other in pinned if other < frame), default=None)
        after = min((other for other in pinned if other > frame), default=None)
        ways = list[tuple[int, int]]()
        if to != "forward" and frame > 0:
            ways.append((frame, 0) if before is None else (before, frame))
        if to != "backward" and frame < self.count - 1:
            ways.append((frame, self.count - 1) if after is None else (frame, after))
        return ways, {frame, *(other for other in (before, after) if other is not None)}

    def propagate(
        self, start: int, end: int, *, only: Only = EVERY, report: Report = lambda done, total: None
    ) -> Change:
        """Follow what stands on frame `start` to frame `end`, backwards where that is the smaller one.

        What was done by then is kept where something stops it. Raises SettingError where nothing stands on `start`.
        """
        self._check(end)
        self._check_masked(start)
        with self.history.edit(f"follow from {start} to {end}") as edit:
            self._along(edit, [(start, end)], (), only, report)
        return change_of(edit)

    def between(
        self, first: int, second: int, *, only: Only = EVERY, report: Report = lambda done, total: None
    ) -> Change:
        """Follow from two frames towards each other, and fuse both by distance and confidence.

        What stands on the two stays; an object that one of them says nothing of comes to it, unless it was accepted.

        Raises SettingError where nothing stands on one of them.
        """
        if first >= second:
            raise SettingError(f"between {first} and {second}: name the earlier frame first")
        self._check_masked(first)
        self._check_masked(second)
        with self.history.edit(f"follow between {first} and {second}") as edit:
            self._along(edit, [(first, second)], {first, second}, only, report)
        return change_of(edit)

    def through(
        self, frames: Collection[int], *, only: Only = EVERY, report: Report = lambda done, total: None
    ) -> Change:
        """Follow from all of these frames at once: between neighbours fused, beyond the outermost to the ends.

        What stands on them stays, as in `between`. Raises SettingError where there is none, or nothing stands on one.
        """
        if not frames:
            raise SettingError("no frame to follow from; give masks on one, or accept one")
        stops = sorted(frames)
        for frame in stops:
            self._check_masked(frame)
        ways = [(stops[0], 0)] if stops[0] > 0 else []
        ways += list(pairwise(stops))
        ways += [(stops[-1], self.count - 1)] if stops[-1] < self.count - 1 else []
        with self.history.edit(f"follow from {len(stops)} frames") as edit:
            self._along(edit, ways, set(stops), only, report)
        return change_of(edit)

    def _along(
        self, edit: Edit, ways: Sequence[tuple[int, int]], stops: Collection[int], only: Only, report: Report
    ) -> None:
        """Follow from the first frame of each pair to the second; towards each other where both are stops."""
        told = _Told(self._pinned(), frozenset(self.ids))
        both = [start in stops and end in stops for start, end in ways]
        total = sum(_length(*way, fused, only) for way, fused in zip(ways, both, strict=True))
        done = 0

        def onward() -> None:
            nonlocal done
            done += 1
            report(done, max(done, total))

        for (start, end), fused in zip(ways, both, strict=True):
            if fused:
                self._between(edit, start, end, only, told, onward)
            else:
                for prediction in self._follow(start, end, only, told):
                    self._predict(edit, prediction, only)
                    onward()

    def _between(
        self, edit: Edit, first: int, second: int, only: Only, told: "_Told", onward: Callable[[], None]
    ) -> None:
        last = second if self._lacks(second, told) else second - 1
        least = first if self._lacks(first, told) else first + 1
        arrived = list[Prediction]()
        with tempfile.TemporaryFile(dir=self.folder) as file:
            pieces = dict[int, tuple[int, int, tuple[int, ...]]]()
            for prediction in self._follow(first, last, only, told) if first < last else ():
                if prediction.frame.index == second:
                    arrived.append(prediction)
                elif only.keeps(prediction.frame.index):
                    packed = zlib.compress(_packed(prediction), 1)
                    pieces[prediction.frame.index] = file.tell(), len(packed), prediction.ids
                    with output(self.folder / "what is followed"):
                        file.write(packed)
                onward()
            for back in self._follow(second, least, only, told) if least < second else ():
                if back.frame.index == first:
                    arrived.append(back)
                elif (piece := pieces.get(frame := back.frame.index)) is not None:
                    offset, size, ids = piece
                    file.seek(offset)
                    ahead = _unpacked(zlib.decompress(file.read(size)), back.labels.shape)
                    place = (frame - first) / (second - first)
                    labels, certainty = fuse(ahead, (back.labels, back.certainty), place, (ids, back.ids))
                    fused = replace(back, labels=labels, certainty=certainty, ids=tuple(sorted({*ids, *back.ids})))
                    self._predict(edit, fused, only)
                onward()
        for prediction in arrived:
            self._add(edit, prediction)

    def _lacks(self, frame: int, told: "_Told") -> bool:
        """Whether a frame says nothing of an object, and may still."""
        return not self._is_accepted(frame) and bool(told.ids - self.known(frame).keys())

    def _add(self, edit: Edit, prediction: Prediction) -> None:
        """Store what a prediction says of objects of which its frame says nothing; the others keep their pixels."""
        frame, facts = prediction.frame.index, self._facts(prediction)
        with self.history.lock:
            stands, known = self._check_masked(frame), self.known(frame)
            new = {name: fact for name, fact in facts.items() if name not in known}
            labels = np.where((stands == 0) & np.isin(prediction.labels, list(new)), prediction.labels, stands)
            self._set(edit, frame, self._stored(labels, {**known, **new}))

    def _facts(self, prediction: Prediction) -> dict[int, tuple[Origin, float | None]]:
        labels, certainty = prediction.labels, prediction.certainty
        values = confidence(labels, certainty, prediction.ids, self.calibration)
        return {name: ("propagated", value) for name, value in values.items()}

    def _follow(self, start: int, end: int, only: Only, told: "_Told") -> Iterator[Prediction]:
        """Predictions after frame `start` as far as `end`; accepted frames are shown to the system and not yielded."""
        labels = self._check_masked(start)
        if self.system is None:
            raise SettingError("no model to follow with; call follow_with first")
        session = Session(self.system, keep=0, **self._session)
        for index in self._references(self.system, start, labels, told):
            self._show(session, next(stretch(self.source, index, index)))
        for frame in stretch(self.source, start, end):
            if frame.index == start:
                session.push(frame, Masks.of(labels) if labels.any() else None)
            elif self._is_accepted(frame.index):
                self._show(session, frame)
            elif only.looks_at(frame.index):
                yield session.push(frame, self._pins(frame.index))

    def _show(self, session: Session, frame: Frame) -> None:
        """Push a pinned frame with its masks."""
        session.push(frame, self._pins(frame.index))

    def _pins(self, frame: int) -> Masks | None:
        """What a person gave on a frame: of an accepted one everything."""
        given = self._given_on(frame)
        if not given and not self._is_accepted(frame):
            return None
        labels = self.labels(frame)
        assert labels is not None
        if not self._is_accepted(frame):
            labels = np.where(np.isin(labels, given), labels, np.uint16(0))
        return Masks.of(labels) if labels.any() else None

    def _pinned_there(self, frame: int) -> list[int]:
        """The objects of the masks of `_pins`, by what is known of them."""
        every = self._is_accepted(frame)
        facts = self.known(frame).items()
        return [name for name, (origin, value) in facts if value is not None and (every or origin in PINNED)]

    def _references(self, system: AnySystem, start: int, labels: Labels, told: "_Told") -> Sequence[int]:
        """Pinned frames to be shown before `start`, the nearest last.

        For each object that `start` does not show the nearest that does; for systems that choose what they keep, the
        nearest ones besides.
        """
        near = sorted((frame for frame in told.pinned if frame != start), key=lambda frame: abs(frame - start))
        found = set(near[:REFERENCES]) if system.accepts_policy else set[int]()
        missing = told.ids.difference(np.unique(labels).tolist())
        for frame in near:
            if not missing:
                break
            if shown := missing.intersection(self._pinned_there(frame)):
                missing -= shown
                found.add(frame)
        return sorted(found, key=lambda frame: -abs(frame - start))

    def _predict(self, edit: Edit, prediction: Prediction, only: Only) -> None:
        """Store a prediction, less what a person has said of its frame by now.

        Imported masks of objects that it does not know of stay where it sees nothing.
        """
        frame, labels = prediction.frame.index, prediction.labels
        if not only.keeps(frame):
            return
        facts = self._facts(prediction)
        with self.history.lock:
            known = self.known(frame)
            given = {name: fact for name, fact in known.items() if fact[0] in PINNED}
            other = {name: fact for name, fact in known.items() if fact[0] == "imported" and name not in facts}
            if given or other:
                stands = self._check_masked(frame)
                labels = np.where(np.isin(labels, list(given)), np.uint16(0), labels)
                labels = np.where(np.isin(stands, list(given)), stands, labels)
                labels = np.where((labels == 0) & np.isin(stands, list(other)), stands, labels)
            self._set(edit, frame, self._stored(labels, facts | other | given))


@dataclass(frozen=True)
class _Told:
    """What people have said when something is begun to be followed: the pinned frames, and all objects."""

    pinned: Sequence[int]
    ids: frozenset[int]


def _length(start: int, end: int, fused: bool, only: Only) -> int:
    """How many frames the system is shown between two, or as far as the second."""
    if fused:
        return 2 * only.between(start, end)
    return only.between(start, end + 1) if start < end else only.between(end - 1, start)


def _packed(prediction: Prediction) -> bytes:
    """Ids and certainty, the latter in 255ths."""
    certainty = np.rint(prediction.certainty * 255).astype(np.uint8)
    return bytes(prediction.labels.astype("<u2").tobytes()) + bytes(certainty.tobytes())


def _unpacked(content: bytes, shape: tuple[int, ...]) -> tuple[Labels, Certainty]:
    size = shape[0] * shape[1]
    labels = np.frombuffer(content, "<u2", size).reshape(shape).astype(np.uint16)
    certainty = np.frombuffer(content, np.uint8, size, 2 * size).reshape(shape)
    return labels, certainty.astype(np.float32) / np.float32(255)
