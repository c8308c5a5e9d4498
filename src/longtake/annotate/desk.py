"""One video of a project, opened: its masks, frames, steps, and what was spent on them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from longtake.annotate.effort import Effort, Event, effort
from longtake.annotate.pipeline import Pipeline, Settings
from longtake.annotate.runs import decode_mask, encode_labels, encode_mask
from longtake.annotate.store import Entry, Store
from longtake.engine.annotation import Annotation, Change, change_of
from longtake.engine.history import History
from longtake.errors import MaskError, SettingError, SourceError
from longtake.export.exchange import cut
from longtake.export.things import Thing
from longtake.prompting.grabcut import grabcut
from longtake.prompting.rough import Rough
from longtake.video.reader import FrameReader
from longtake.video.source import Source

JPEG = 88
"""Quality of the frames that are shown."""

How = Literal["exact", "adds", "takes"]

Rectangle = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the frame."""


class Desk:
    """Threads may share it. Raises what opening the source and the annotation raises."""

    def __init__(self, entry: Entry, source: Source, store: Store, folder: Path, told: Callable[..., None]) -> None:
        """folder: of the project. told: called with the keys of what has changed."""
        self.entry, self.source, self.store, self.folder = entry, source, store, folder
        self.reader = FrameReader(source)
        self.annotation = Annotation(source, folder, History(store.path, entry.video))
        self.annotation.history.told = told
        self._lock = threading.Lock()
        self._pipeline: Pipeline | None = None

    def close(self) -> None:
        """Let go of the files."""
        self.reader.close()
        self.annotation.history.close()

    @property
    def history(self) -> History:
        """Its edits."""
        return self.annotation.history

    # --- frames and masks -------------------------------------------------------------------------------------------

    def image(self, frame: int, height: int | None, near: bool) -> bytes:
        """A frame as JPEG, at most so high; near: the one at or before it that can be had at once."""
        index = self.reader.keyframe(frame) if near else frame
        image = self.reader.frame(index).image
        if height is not None and height < image.shape[0]:
            width = max(1, round(image.shape[1] * height / image.shape[0]))
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        done, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG])
        if not done:
            raise SourceError(f"{self.entry.name}: frame {frame} is too large for a JPEG")
        return content.tobytes()

    def masks(self, frame: int, runs: bool = True) -> dict[str, Any]:
        """What stands on a frame, as the page has it."""
        with self.history.lock:
            labels = self.annotation.labels(frame) if runs else None
            known = self.annotation.known(frame)
            accepted = self.history.get("accepted", frame) is not None
            revision = self.history.revision
        return {
            "frame": frame,
            "seconds": float(self.reader.seconds(frame)),
            "accepted": accepted,
            "revision": revision,
            "objects": {name: {"origin": origin, "confidence": value} for name, (origin, value) in known.items()},
            "runs": None if labels is None else encode_labels(labels),
        }

    def patch(self, frame: int, name: int, rectangle: Rectangle, runs: list[int], how: How = "exact") -> None:
        """Within a rectangle the object is where the runs say, and nowhere else; or they add to it, or take from it.

        Raises MaskError, SettingError.
        """
        left, top, width, height = rectangle
        rows, columns = self.annotation.size
        if left + width > columns or top + height > rows:
            raise MaskError(f"a patch to column {left + width} and row {top + height} of a frame of {columns}x{rows}")
        piece = decode_mask(runs, height, width)
        with self.history.lock:
            labels = self.annotation.labels(frame)
            mask = np.zeros((rows, columns), bool) if labels is None else labels == name
            part = mask[top : top + height, left : left + width]
            part[:] = {"exact": piece, "adds": part | piece, "takes": part & ~piece}[how]
            self.annotation.give(frame, {name: mask}, again=True)

    def suggest(self, frame: int, name: int, rough: Rough) -> tuple[Rectangle, list[int]]:
        """The rectangle that differs from what stands there, and the object's mask within it, made by GrabCut."""
        labels = self.annotation.labels(frame)
        before = np.zeros(self.annotation.size, bool) if labels is None else labels == name
        found = grabcut(self.reader.frame(frame).image, rough, before)
        region = cut(found | before)
        assert region is not None  # something was found
        rows, columns = region.place
        height, width = region.inside.shape
        return (region.left, region.top, width, height), encode_mask(found[rows, columns])

    # --- objects ----------------------------------------------------------------------------------------------------

    def things(self) -> dict[int, Thing]:
        """All objects that have masks or were described, with defaults for what nobody said."""
        described = dict(self.history.items("object"))
        removed = {name for name, _ in self.history.items("removed")}
        names = sorted({*described, *self.annotation.ids} - removed)
        return {name: Thing(**{**_default(name), **described.get(name, {})}) for name in names}

    def describe(self, name: int, said: Mapping[str, str]) -> None:
        """Say something about an object, which makes it where it is not there. Raises SettingError where it is gone."""
        if self.history.get("removed", name):
            raise SettingError(f"object {name} was removed; undo that, or take another id")
        known = self.history.get("object", name) or {}
        if {**known, **said} != known or not known:
            self.history.commit(f"describe {name}", {("object", name): {**known, **said}})

    def remove(self, name: int) -> Change:
        """Take an object away, from every frame that was not accepted; its id may come again.

        Raises SettingError where there is none.
        """
        if name not in self.things():
            raise SettingError(f"object {name}: there is none")
        with self.history.edit(f"remove {name}") as edit:
            if name in self.annotation.ids:
                self.annotation.relabel(name, 0)
            self.history.change(edit, {("object", name): None})
        return change_of(edit)

    def counts(self) -> dict[int, int]:
        """On how many frames each object is to be seen."""
        found = dict[int, int]()
        for _, layer in self.history.items("layer"):
            for name, (_, value) in layer["objects"].items():
                found[int(name)] = found.get(int(name), 0) + (value is not None)
        return found

    # --- steps ------------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Rates and the like."""
        return Settings(**self.store.get(self.entry.video, "settings"))

    def set(self, **changes: Any) -> None:
        """Change settings. Raises SettingError on a bad one, and changes nothing then."""
        settings = replace(self.settings, **changes)
        with self._lock:
            self.store.set(self.entry.video, "settings", asdict(settings))
            self._pipeline = None

    @property
    def pipeline(self) -> Pipeline:
        """The steps, by the settings of now."""
        with self._lock:
            if self._pipeline is None:
                check = self.entry.check
                sample = None if check is None else check.frames
                self._pipeline = Pipeline(self.annotation, self.source.times(), self.settings, sample)
            return self._pipeline

    def spent(self, frame: int, name: int | None, annotator: str, tool: str, seconds: float, strokes: int) -> None:
        """Note what somebody spent, in the step that is to be done now."""
        pipeline = self.pipeline
        step = pipeline.present(pipeline.steps())
        self.store.log(self.entry.video, Event(frame, name, step, annotator, seconds, strokes), tool)

    def effort(self) -> Effort:
        """The work so far."""
        pipeline = self.pipeline
        masked = {frame for frame, _ in self.history.items("layer")}
        coarse = masked.intersection(pipeline.coarse)
        fine = masked.intersection(pipeline.fine) - coarse
        frames = {1: coarse, 2: coarse, 3: fine, 4: fine}
        annotated = len(self.annotation.accepted) or len(masked)
        return effort(self.store.events(self.entry.video), frames, pipeline.corrected(), annotated)


def _default(name: int) -> dict[str, str]:
    return {"name": f"object {name}", "category": "", "colour": colour_of(name), "description": ""}


def colour_of(name: int) -> str:
    """The colour of an object for which nobody chose one: hues a golden angle apart, all bright; as `state.js` has it.

    It is that of hue, saturation 0.85 and lightness 0.6.
    """
    hue = (330 + 137.508 * (name - 1)) % 360
    turns = [(shift + hue / 30) % 12 for shift in (0, 8, 4)]
    return "#" + "".join(f"{int(255 * (0.6 - 0.34 * max(-1, min(t - 3, 9 - t, 1))) + 0.5):02x}" for t in turns)
