"""The masks of a whole video, which a person gives and corrects at any frame, in any order, and takes steps back from.

Every edit is on the disk when its call returns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt16

from longtake.engine.history import Edit, History
from longtake.engine.review import Doubt, worst_first
from longtake.engine.store import MaskStore
from longtake.errors import SettingError
from longtake.types import Masks, check_masks
from longtake.video.source import Source

Labels = UInt16[np.ndarray, "h w"]

Origin = Literal["given", "corrected", "propagated", "imported"]
"""Where an object's mask on a frame is from: a person who gave it, or changed what was there; a system; a file."""

PINNED = ("given", "corrected")
"""What a person did, which no propagation changes."""

FEW = 5
"""Frames that are named one by one in the name of an edit."""

Known = Mapping[int, tuple[Origin, float | None]]
"""Of each object on a frame its origin, and how well its mask is expected to fit; None where it has no pixel."""


@dataclass(frozen=True)
class Change:
    """What an edit has done: its name, and the frames whose masks are others now, in order."""

    name: str
    frames: tuple[int, ...]


class Annotation:
    """Masks by frame index: given, corrected, propagated or imported; what was accepted stays as it is.

    Threads may share it.
    """

    def __init__(self, source: Source, folder: Path, history: History | None = None) -> None:
        """source: a video or a folder, not a camera. folder: of an earlier annotation of this video, or an empty one.

        history: of this video, where one file holds those of several. Raises SettingError where it is of another video
        or the source is a part of one, OutputError where it cannot be written.
        """
        if not source.span.whole:
            raise SettingError(f"{source.info.name}: an annotation is of a whole video; open it without a span")
        self.source, self.folder = source, folder
        self._store = MaskStore(folder / "masks")
        self.history = history or History(folder / "edits.sqlite")
        video = {"name": source.info.name, "announced": source.info.count}
        if (known := self.history.get("video", 0)) is None:
            known = {**video, "frames": len(source.times()), "size": next(iter(source)).size}
            self.history.keep("video", 0, known)
        if any(known[fact] != video[fact] for fact in video):
            raise SettingError(f"{folder}: edits of {known['name']}, not of {source.info.name}; use another folder")
        self.count: int = known["frames"]
        self.size: tuple[int, int] = (known["size"][0], known["size"][1])

    @property
    def ids(self) -> tuple[int, ...]:
        """All objects that have masks, in order."""
        return tuple(sorted({int(name) for _, layer in self._layers() for name in layer["objects"]}))

    @property
    def given(self) -> dict[int, tuple[int, ...]]:
        """The frames on which a person gave masks, with the objects given there."""
        return {frame: names for frame, layer in self._layers() if (names := _pinned_in(layer))}

    @property
    def accepted(self) -> tuple[int, ...]:
        """The frames that nothing changes."""
        return tuple(frame for frame, _ in self.history.items("accepted"))

    def labels(self, frame: int) -> Labels | None:
        """The id of each pixel of a frame; None where nothing has been followed there yet."""
        layer = self._layer(frame)
        return None if layer is None else self._store.get(layer["masks"])

    def known(self, frame: int) -> Known:
        """The objects that are known of on a frame, with the origin of their masks and their confidence."""
        layer = self._layer(frame)
        return {} if layer is None else _objects(layer)

    def confidence(self, frame: int) -> dict[int, float | None]:
        """How well each object's mask is expected to fit (J, 0 to 1); None where it has no pixel."""
        return {name: value for name, (_, value) in self.known(frame).items()}

    def give(self, frame: int, masks: Masks | Mapping[int, Any] | np.ndarray, *, again: bool = False) -> Change:
        """Pin masks of new objects, or corrections of old ones, on a frame; only that frame changes.

        Objects that are left out stay as they are, less the pixels that were given to others; an empty mask of an id
        (`masks` by id) says that the object is not to be seen there. Raises SettingError on a frame outside the video
        or one that was accepted, an id that was removed, and an object given there before, unless `again`; MaskError
        where masks do not fit the frame.
        """
        asked, masks = self._checked(frame, masks, again)
        with self.history.lock:
            name, layer = f"mark object {_words(asked)} on frame {frame}", self._with(frame, masks, asked, "given")
            if layer == self._layer(frame):
                return Change(name, ())
            return change_of(self.history.commit(name, {("layer", frame): layer}))

    def take(self, frames: Iterable[tuple[int, Masks]]) -> Change:
        """Masks from elsewhere, by frame, as a start: nothing is pinned, and what a person gave or accepted stays.

        Raises as `give` does.
        """
        with self.history.edit("import") as edit:
            for frame, masks in frames:
                self._check(frame)
                check_masks(masks, self.size, f"frame {frame}")
                with self.history.lock:
                    asked = [name for name in masks.ids if not self.history.get("removed", name)]
                    self._set(edit, frame, self._with(frame, masks, asked, "imported"))
        return change_of(edit)

    def _checked(
        self, frame: int, given: Masks | Mapping[int, Any] | np.ndarray, again: bool
    ) -> tuple[tuple[int, ...], Masks]:
        """The ids that masks speak of, and the masks."""
        masks = Masks.of(given)
        asked = tuple(map(int, given)) if isinstance(given, Mapping) else masks.ids
        self._check(frame)
        if self._is_accepted(frame):
            raise SettingError(f"frame {frame} was accepted; reopen it first")
        check_masks(masks, self.size, f"frame {frame}")
        before = self._given_on(frame)
        for name in asked:
            if self.history.get("removed", name):
                raise SettingError(f"object {name} was removed; undo that, or give another id")
            if name in before and not again:
                raise SettingError(f"frame {frame}: object {name} was given there before; undo that, or say again")
        return asked, masks

    def _with(self, frame: int, masks: Masks, asked: Collection[int], origin: Origin) -> Any:
        """The layer of a frame with other masks of some objects; what is imported leaves alone what a person gave."""
        labels, known = self.labels(frame), dict(self.known(frame))
        labels = np.zeros(self.size, np.uint16) if labels is None else labels
        fixed = self._given_on(frame) if origin == "imported" else ()
        asked = [name for name in asked if name not in fixed]
        free = ~np.isin(labels, fixed)
        labels = np.where(np.isin(labels, asked), np.uint16(0), labels)
        labels = np.where(free & np.isin(masks.labels, asked), masks.labels, labels)
        for name in asked:
            changed: Origin = "corrected" if known.get(name, ("given",))[0] != "given" else "given"
            is_there = bool((labels == name).any())
            known[name] = (changed if origin == "given" else origin, 1.0 if is_there else None)
        return self._stored(labels, known)

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
        if self.history.get("removed", new):
            raise SettingError(f"object {new} was removed; undo that, or take another id")
        with self.history.edit(f"call {old} {new or 'nothing'} from {first} to {last}") as edit:
            self._relabel(edit, old, new, first, last)
        return change_of(edit)

    def _relabel(self, edit: Edit, old: int, new: int, first: int, last: int) -> None:
        for frame, _ in self._layers():
            with self.history.lock:
                known = dict(self.known(frame))
                if not first <= frame <= last or old not in known:
                    continue
                pairs = [known.pop(name) for name in (old, new) if name in known]
                if new:
                    values = [value for _, value in pairs if value is not None]
                    origin = next((origin for origin, _ in pairs if origin in PINNED), pairs[0][0])
                    known[new] = (origin, sum(values) / len(values) if values else None)
                labels = self._check_masked(frame)
                self._set(edit, frame, self._stored(np.where(labels == old, np.uint16(new), labels), known))

    def remove(self, name: int) -> Change:
        """Take an object away from every frame; its id may not come again. Raises SettingError as `relabel` does."""
        if name not in self.ids:
            raise SettingError(f"object {name} has no masks; these have: {_words(self.ids)}")
        with self.history.edit(f"remove {name}") as edit:
            self._relabel(edit, name, 0, 0, self.count - 1)
            self.history.change(edit, {("removed", name): True})
        return change_of(edit)

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
        with self.history.lock:
            for frame in frames:
                if self._layer(frame) is None:
                    raise _unmasked(frame)
            return self._lock("accept", frames, True)

    def reopen(self, *frames: int) -> Change:
        """Frames that were accepted may be changed again. Raises SettingError where one was not."""
        with self.history.lock:
            for frame in frames:
                if not self._is_accepted(frame):
                    raise SettingError(f"frame {frame} was not accepted")
            return self._lock("reopen", frames, None)

    def _lock(self, name: str, frames: Collection[int], value: bool | None) -> Change:
        few = f"{len(frames)} frames, {min(frames)} to {max(frames)}" if len(frames) > FEW else _words(frames)
        return change_of(self.history.commit(f"{name} {few}", {("accepted", frame): value for frame in frames}))

    def review(self, among: Collection[int] | None = None) -> list[Doubt]:
        """Where to look next: the frames in the order of doubt, those that a person has given or accepted left out.

        among: only these frames.
        """
        frames = {
            frame: {name: value for name, (_, value) in _objects(layer).items()}
            for frame, layer in self._layers()
            if among is None or frame in among
        }
        return worst_first(frames, self._pinned())

    def undo(self) -> Change | None:
        """Take the last edit back; None where there is none. Raises SettingError where it still goes on."""
        edit = self.history.undo()
        return None if edit is None else change_of(edit)

    def redo(self) -> Change | None:
        """Do the edit again that was taken back last; None where there is none."""
        edit = self.history.redo()
        return None if edit is None else change_of(edit)

    def _pinned(self) -> list[int]:
        return sorted({*self.given, *self.accepted})

    def _stored(self, labels: Labels, known: Known) -> Any:
        """A layer: what the history holds of a frame."""
        there = np.bincount(labels.reshape(-1), minlength=max(known, default=0) + 1) > 0
        objects = {
            str(name): [origin, round(value, 4) if there[name] and value is not None else None]
            for name, (origin, value) in sorted(known.items())
        }
        return {"masks": self._store.put(labels), "objects": objects}

    def _set(self, edit: Edit, frame: int, layer: Any) -> None:
        """Put a layer on a frame, unless it is there already, or the frame was accepted."""
        if self._layer(frame) != layer and not self._is_accepted(frame):
            self.history.change(edit, {("layer", frame): layer})

    def _given_on(self, frame: int) -> Sequence[int]:
        layer = self._layer(frame)
        return () if layer is None else _pinned_in(layer)

    def _is_accepted(self, frame: int) -> bool:
        return self.history.get("accepted", frame) is not None

    def _layer(self, frame: int) -> Any:
        self._check(frame)
        return self.history.get("layer", frame)

    def _layers(self) -> list[tuple[int, Any]]:
        return self.history.items("layer")

    def _check(self, frame: int) -> None:
        if not 0 <= frame < self.count:
            raise SettingError(f"frame {frame}: outside the video, whose frames are 0 to {self.count - 1}")

    def _check_masked(self, frame: int) -> Labels:
        labels = self.labels(frame)
        if labels is None:
            raise _unmasked(frame)
        return labels


def change_of(edit: Edit) -> Change:
    """What an edit has done to frames."""
    return Change(edit.name, tuple(sorted(number for kind, number in edit.keys if kind == "layer")))


def _objects(layer: Any) -> Known:
    return {int(name): (origin, value) for name, (origin, value) in layer["objects"].items()}


def _pinned_in(layer: Any) -> tuple[int, ...]:
    return tuple(int(name) for name, (origin, _) in layer["objects"].items() if origin in PINNED)


def _unmasked(frame: int) -> SettingError:
    return SettingError(f"frame {frame}: no masks yet; give some, or follow an object to it")


def _words(numbers: Collection[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"
