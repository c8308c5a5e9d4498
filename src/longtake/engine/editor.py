"""Editor: the masks of a whole video, which a person corrects at any frame, in any order, and takes steps back from.

Every edit is in the folder when its call returns. Between edits nothing is remembered of the network: what an edit
needs is made again from the frames and the given masks, so an editor that is opened anew continues as if it had not
been closed.
"""

import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt16

from longtake.engine.confidence import confidence
from longtake.engine.fuse import fuse
from longtake.engine.history import Edit, History
from longtake.engine.review import Doubt, worst_first
from longtake.engine.runtime import Runtime
from longtake.engine.session import Session, check_masks
from longtake.engine.step import Rules
from longtake.engine.store import MaskStore
from longtake.errors import SettingError
from longtake.systems.calibration import UNCALIBRATED, Calibration
from longtake.systems.protocol import AnySystem
from longtake.types import Frame, Masks, Prediction
from longtake.video.source import Source
from longtake.video.stretch import stretch

REFERENCES = 4
"""Given frames that a system is shown before it follows from one: the nearest, and those of objects not seen there."""

Labels = UInt16[np.ndarray, "h w"]
Certainty = Float32[np.ndarray, "h w"]

Report = Callable[[int], None]
"""Called with the number of frames that have been looked at, after each."""


@dataclass(frozen=True)
class Change:
    """What an edit has done: its name, and the frames whose masks are others now, in order."""

    name: str
    frames: tuple[int, ...]


class Editor:
    """Masks by frame index, given, propagated and corrected.

    A given mask is pinned: propagation never changes what a person gave, nor anything on a frame that was accepted.
    Not for several threads at once.
    """

    def __init__(
        self,
        system: AnySystem,
        source: Source,
        folder: Path,
        *,
        rules: Rules | None = None,
        short_side: int | None = 480,
        run: Runtime | None = None,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        """system, rules, short_side, run: as `Session` takes them. source: a video or a folder, not a camera.

        calibration: from expected J to measured J, for `confidence` and `review`.

        folder: of an earlier editor of this video, to continue, or an empty one. Raises SettingError where it is of
        another video, OutputError where it cannot be written.
        """
        self.system, self.source, self.folder, self.calibration = system, source, folder, calibration
        self._session: dict[str, Any] = {"rules": rules, "short_side": short_side, "run": run}
        self._store = MaskStore(folder / "masks")
        self._history = History(folder / "edits.jsonl")
        video = {"name": source.info.name, "announced": source.info.count}
        if (known := self._history.values.get("video")) is None:
            known = {**video, "frames": sum(1 for _ in source.entries())}
            self._history.commit("begin", {"video": known})
        if any(known[fact] != video[fact] for fact in video):
            raise SettingError(f"{folder}: edits of {known['name']}, not of {source.info.name}; use another folder")
        self.count: int = known["frames"]

    @property
    def ids(self) -> tuple[int, ...]:
        """All objects that have masks, in order."""
        return tuple(sorted({int(name) for _, layer in self._layers() for name in layer["confidence"]}))

    @property
    def given(self) -> dict[int, tuple[int, ...]]:
        """The frames on which a person gave masks, with the objects given there."""
        return dict(sorted((frame, tuple(ids)) for frame, ids in self._keyed("given")))

    @property
    def accepted(self) -> tuple[int, ...]:
        """The frames that nothing changes."""
        return tuple(sorted(frame for frame, _ in self._keyed("accepted")))

    def labels(self, frame: int) -> Labels | None:
        """The id of each pixel of a frame; None where nothing has been followed there yet."""
        layer = self._layer(frame)
        return None if layer is None else self._store.get(layer["masks"])

    def confidence(self, frame: int) -> dict[int, float | None]:
        """How well each object's mask is expected to fit (J, 0 to 1); None where it has no pixel."""
        layer = self._layer(frame)
        return {} if layer is None else {int(name): value for name, value in layer["confidence"].items()}

    def give(self, frame: int, masks: Masks | Mapping[int, Any] | np.ndarray, *, again: bool = False) -> Change:
        """Pin masks of new objects, or corrections of old ones, on a frame; only that frame changes.

        Objects that are left out stay as they are, less the pixels that were given to others; an empty mask of an id
        (`masks` by id) says that the object is not to be seen there. Raises SettingError on a frame outside the video
        or one that was accepted, an id that was removed, and an object given there before, unless `again`; MaskError
        where masks do not fit the frame.
        """
        named, masks = masks, Masks.of(masks)
        asked = tuple(map(int, named)) if isinstance(named, Mapping) else masks.ids
        self._check_free(frame)
        picture = next(stretch(self.source, frame, frame))
        check_masks(masks, picture)
        before = self._given_on(frame)
        for name in asked:
            if f"removed/{name}" in self._history.values:
                raise SettingError(f"object {name} was removed; undo that, or give another id")
            if name in before and not again:
                raise SettingError(f"frame {frame}: object {name} was given there before; undo that, or say again")
        labels = self.labels(frame)
        labels = np.zeros(picture.size, np.uint16) if labels is None else labels
        labels = np.where(np.isin(labels, asked), np.uint16(0), labels)
        labels = np.where(masks.labels > 0, masks.labels, labels)
        known = self.confidence(frame) | {name: 1.0 if name in masks.ids else None for name in asked}
        layer = self._stored(labels, known)
        given = sorted({*before, *asked})
        return self._commit(f"give {_words(asked)} on {frame}", {frame: layer}, {f"given/{frame}": given})

    def correct(
        self,
        frame: int,
        masks: Masks | Mapping[int, Any] | np.ndarray,
        *,
        again: bool = False,
        report: Report = lambda done: None,
    ) -> Change:
        """Give masks, then follow from them both ways, as far as the next frames where a person gave some.

        One edit for undo; the change names all frames. Raises as `give` does.
        """
        at = self._history.mark()
        self.give(frame, masks, again=again)
        try:
            self.spread(frame, report=report)
        finally:
            edit = self._history.join(at, f"correct {frame}")
        return _change(edit)

    def spread(self, frame: int, *, report: Report = lambda done: None) -> Change:
        """Follow from a frame both ways: as far as pinned frames, fused with what comes from there, or to the ends."""
        before = max((other for other in self._pinned() if other < frame), default=None)
        after = min((other for other in self._pinned() if other > frame), default=None)
        at, done = self._history.mark(), 0

        def onward(count: int) -> None:
            report(done + count)

        if before is not None:
            self.between(before, frame, report=onward)
            done += 2 * (frame - before)
        elif frame > 0:
            self.propagate(frame, 0, report=onward)
            done += frame
        if after is not None:
            self.between(frame, after, report=onward)
        elif frame < self.count - 1:
            self.propagate(frame, self.count - 1, report=onward)
        return _change(self._history.join(at, f"spread from {frame}"))

    def propagate(self, start: int, end: int, *, report: Report = lambda done: None) -> Change:
        """Follow what stands on frame `start` to frame `end`, backwards where that is the smaller one.

        What was done by then is kept where something stops it. Raises SettingError where nothing stands on `start`.
        """
        changes = dict[int, Any]()
        try:
            for done, prediction in enumerate(self._follow(start, end), 1):
                frame = prediction.frame.index
                changes[frame] = self._predicted(frame, prediction.labels, prediction.certainty, prediction.ids)
                report(done)
        finally:
            change = self._commit(f"follow from {start} to {end}", changes)
        return change

    def between(self, first: int, second: int, *, report: Report = lambda done: None) -> Change:
        """Follow from two frames towards each other, and fuse both by distance and confidence; they stay as they are.

        Raises SettingError where nothing stands on one of them.
        """
        self._check(first)
        self._check(second)
        if first >= second:
            raise SettingError(f"between {first} and {second}: name the earlier frame first")
        if second - first < 2:
            return Change(f"follow between {first} and {second}", ())
        changes = dict[int, Any]()
        with tempfile.TemporaryFile() as file:
            pieces = dict[int, tuple[int, int, tuple[int, ...]]]()
            for done, prediction in enumerate(self._follow(first, second - 1), 1):
                packed = zlib.compress(_packed(prediction), 1)
                pieces[prediction.frame.index] = file.tell(), len(packed), prediction.ids
                file.write(packed)
                report(done)
            try:
                for done, back in enumerate(self._follow(second, first + 1), second - first):
                    frame = back.frame.index
                    offset, size, ids = pieces[frame]
                    file.seek(offset)
                    ahead = _unpacked(zlib.decompress(file.read(size)), back.labels.shape)
                    place = (frame - first) / (second - first)
                    labels, certainty = fuse(ahead, (back.labels, back.certainty), place, (ids, back.ids))
                    changes[frame] = self._predicted(frame, labels, certainty, {*ids, *back.ids})
                    report(done)
            finally:
                change = self._commit(f"follow between {first} and {second}", changes)
        return change

    def relabel(self, old: int, new: int, first: int = 0, last: int | None = None) -> Change:
        """Call an object by another id on these frames, both included; 0 takes it away, an id that is there joins it.

        Given masks go along; frames that were accepted stay as they are. Raises SettingError on an id that is not
        there, or one that was removed.
        """
        last = self.count - 1 if last is None else last
        self._check(first)
        self._check(last)
        if old not in self.ids:
            raise SettingError(f"object {old} has no masks; these have: {_words(self.ids)}")
        if f"removed/{new}" in self._history.values:
            raise SettingError(f"object {new} was removed; undo that, or take another id")
        changes, more = dict[int, Any](), dict[str, Any]()
        for frame, layer in self._layers():
            if not first <= frame <= last or str(old) not in layer["confidence"] or self._is_accepted(frame):
                continue
            confidence = {int(name): value for name, value in layer["confidence"].items()}
            was = confidence.pop(old)
            if new:
                values = [value for value in (was, confidence.get(new)) if value is not None]
                confidence[new] = sum(values) / len(values) if values else None
            labels = self._store.get(layer["masks"])
            changes[frame] = self._stored(np.where(labels == old, np.uint16(new), labels), confidence)
            if old in (given := self._given_on(frame)):
                names = {new if name == old else name for name in given} - {0}
                more[f"given/{frame}"] = sorted(names) or None
        return self._commit(f"call {old} {new or 'nothing'} from {first} to {last}", changes, more)

    def remove(self, name: int) -> Change:
        """Take an object away from every frame; its id may not come again. Raises SettingError as `relabel` does."""
        at = self._history.mark()
        self.relabel(name, 0)
        self._commit(f"retire {name}", {}, {f"removed/{name}": True})
        return _change(self._history.join(at, f"remove {name}"))

    def merge(self, name: int, into: int) -> Change:
        """One object's masks become another's on every frame. Raises SettingError as `relabel` does."""
        if into not in self.ids:
            raise SettingError(f"object {into} has no masks; these have: {_words(self.ids)}")
        return self.relabel(name, into)

    def split(self, name: int, new: int, first: int, last: int | None = None) -> Change:
        """From a frame on, an object is another one. Raises SettingError where the new id is in use, or removed."""
        if new in self.ids or new < 1:
            raise SettingError(f"object {new}: split takes an id from 1 on that no object has")
        return self.relabel(name, new, first, last)

    def accept(self, *frames: int) -> Change:
        """Nothing changes these frames any more, and what follows holds on to them."""
        for frame in frames:
            self._check_masked(frame)
        return self._commit(f"accept {_words(frames)}", {}, {f"accepted/{frame}": True for frame in frames})

    def reopen(self, *frames: int) -> Change:
        """Frames that were accepted may be changed again. Raises SettingError where one was not."""
        for frame in frames:
            if not self._is_accepted(frame):
                raise SettingError(f"frame {frame} was not accepted")
        return self._commit(f"reopen {_words(frames)}", {}, {f"accepted/{frame}": None for frame in frames})

    def review(self) -> list[Doubt]:
        """Where to look next: the frames in the order of doubt, those that a person has given or accepted left out."""
        frames = {frame: {int(k): v for k, v in layer["confidence"].items()} for frame, layer in self._layers()}
        return worst_first(frames, self._pinned())

    def undo(self) -> Change | None:
        """Take the last edit back; None where there is none."""
        last = self._history.last
        return None if last is None or last.name == "begin" else _change(self._history.undo())

    def redo(self) -> Change | None:
        """Do the edit again that was taken back last; None where there is none."""
        edit = self._history.redo()
        return None if edit is None else _change(edit)

    def _follow(self, start: int, end: int) -> Iterator[Prediction]:
        """Predictions after frame `start` as far as `end`; accepted frames are shown to the system and not yielded."""
        labels = self._check_masked(start)
        session = Session(self.system, keep=0, **self._session)
        for index in self._references(start, labels):
            self._show(session, next(stretch(self.source, index, index)))
        for frame in stretch(self.source, start, end):
            if frame.index == start:
                session.push(frame, Masks.of(labels) if labels.any() else None)
            elif self._is_accepted(frame.index):
                self._show(session, frame)
            else:
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

    def _references(self, start: int, labels: Labels) -> Sequence[int]:
        """Pinned frames to be shown before `start`, the nearest last.

        For each object that `start` does not show the nearest that does; for systems that choose what they keep, the
        nearest ones besides.
        """
        near = sorted((frame for frame in self._pinned() if frame != start), key=lambda frame: abs(frame - start))
        found = set(near[:REFERENCES]) if self.system.accepts_policy else set[int]()
        missing = set(self.ids).difference(np.unique(labels).tolist())
        for frame in near:
            pins = self._pins(frame)
            if pins is not None and missing.intersection(pins.ids):
                missing -= set(pins.ids)
                found.add(frame)
        return sorted(found, key=lambda frame: -abs(frame - start))

    def _pinned(self) -> list[int]:
        return sorted({*self.given, *self.accepted})

    def _predicted(self, frame: int, labels: Labels, certainty: Certainty, ids: Collection[int]) -> Any:
        """The layer of a prediction, without objects of which a person said that they are not there."""
        pins = self._pins(frame)
        absent = set(self._given_on(frame)).difference(() if pins is None else pins.ids)
        if absent:
            labels = np.where(np.isin(labels, sorted(absent)), np.uint16(0), labels)
        return self._stored(labels, confidence(labels, certainty, ids, self.calibration))

    def _stored(self, labels: Labels, confidence: Mapping[int, float | None]) -> Any:
        """A layer: what the history holds of a frame."""
        rounded = {str(name): value if value is None else round(value, 4) for name, value in confidence.items()}
        return {"masks": self._store.put(labels), "confidence": rounded}

    def _commit(self, name: str, layers: Mapping[int, Any], more: Mapping[str, Any] | None = None) -> Change:
        """Layers that are the same, or of frames that were accepted, are left out; nothing at all is no edit."""
        changes = {
            f"layer/{frame}": layer
            for frame, layer in layers.items()
            if self._layer(frame) != layer and not self._is_accepted(frame)
        }
        if not changes and not more:
            return Change(name, ())
        return _change(self._history.commit(name, {**changes, **(more or {})}))

    def _given_on(self, frame: int) -> Sequence[int]:
        found: Sequence[int] = self._history.values.get(f"given/{frame}", ())
        return found

    def _is_accepted(self, frame: int) -> bool:
        return f"accepted/{frame}" in self._history.values

    def _layer(self, frame: int) -> Any:
        self._check(frame)
        return self._history.values.get(f"layer/{frame}")

    def _layers(self) -> list[tuple[int, Any]]:
        return sorted(self._keyed("layer"), key=lambda item: item[0])

    def _keyed(self, kind: str) -> list[tuple[int, Any]]:
        found = ((key.partition("/"), value) for key, value in self._history.values.items())
        return [(int(name), value) for (what, _, name), value in found if what == kind]

    def _check(self, frame: int) -> None:
        if not 0 <= frame < self.count:
            raise SettingError(f"frame {frame}: outside the video, whose frames are 0 to {self.count - 1}")

    def _check_free(self, frame: int) -> None:
        self._check(frame)
        if self._is_accepted(frame):
            raise SettingError(f"frame {frame} was accepted; reopen it first")

    def _check_masked(self, frame: int) -> Labels:
        labels = self.labels(frame)
        if labels is None:
            raise SettingError(f"frame {frame}: no masks yet; give some, or follow an object to it")
        return labels


def _change(edit: Edit | None) -> Change:
    assert edit is not None
    frames = (key.removeprefix("layer/") for key in edit.changes if key.startswith("layer/"))
    return Change(edit.name, tuple(sorted(map(int, frames))))


def _words(numbers: Collection[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _packed(prediction: Prediction) -> bytes:
    """Ids and certainty, the latter in 255ths."""
    certainty = np.rint(prediction.certainty * 255).astype(np.uint8)
    return bytes(prediction.labels.astype("<u2").tobytes()) + bytes(certainty.tobytes())


def _unpacked(content: bytes, shape: tuple[int, ...]) -> tuple[Labels, Certainty]:
    size = shape[0] * shape[1]
    labels = np.frombuffer(content, "<u2", size).reshape(shape).astype(np.uint16)
    certainty = np.frombuffer(content, np.uint8, size, 2 * size).reshape(shape)
    return labels, certainty.astype(np.float32) / np.float32(255)
