"""The predictions of a video as a benchmark's server takes them, each file looked at; problems are collected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from longtake.data.dataset import Video
from longtake.data.labels import VOID, ids_in, void_in
from longtake.evaluation.folded import Folded, spelled_otherwise
from longtake.evaluation.submission.servers import Server
from longtake.video.images import UNREADABLE, natural_order

Size = tuple[int, int]


@dataclass
class Entry:
    """A video: the frames to hand in, the ids that it may hold; problems and notes, once all was read."""

    video: Video
    files: Mapping[str, Path]
    frames: list[str]
    ids: list[int]
    lacking: str
    """What lacks an id that is none of them, for messages."""
    starts: Mapping[int, str]
    """The frame from which on an object may be there, where the server minds."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self) -> Iterator[tuple[str, Shaped[np.ndarray, "h w"]]]:
        """Every frame that is fit, with its ids: objects that have not begun are background, which is noted."""
        flaws, notes = Folded(self.video.name), Folded(self.video.name)
        missing = [name for name in self.frames if name not in self.files]
        flaws.add("frame", f"without a prediction{spelled_otherwise(missing, list(self.files))}", *missing)
        for name in self.frames:
            labels = flaws.read(self.files[name], name, "prediction") if name in self.files else None
            if labels is not None and self._fits(name, labels, flaws):
                yield name, self._begun(name, labels, notes)
        self.problems += flaws.lines()
        self.notes += notes.lines()

    def _fits(self, name: str, labels: Shaped[np.ndarray, "h w"], flaws: Folded) -> bool:
        """Whether the size is the frame's, and every id is known."""
        size = _size(self.video.frames.get(name), name, flaws)
        if size and labels.shape != size:
            (height, width), (due_height, due_width) = labels.shape, size
            flaws.add("prediction", f"of {width}x{height} pixels for a frame of {due_width}x{due_height}", name)
        found = {*ids_in(labels), *([VOID] if void_in(labels).any() else [])}
        strays = found - set(self.ids) if self.ids else set()
        known = ", ".join(map(str, self.ids))
        for stray in sorted(strays):
            flaws.add("prediction", f"with id {stray}, which {self.lacking} ({known} may be there)", name)
        return not strays and labels.shape == size

    def _begun(self, name: str, labels: Shaped[np.ndarray, "h w"], notes: Folded) -> Shaped[np.ndarray, "h w"]:
        early = [i for i, start in self.starts.items() if _order(name) < _order(start)]
        for i in early:
            if (labels == i).any():
                notes.add("frame", f"where object {i} was taken out, which begins at {self.starts[i]}", name)
        return np.where(np.isin(labels, early), 0, labels) if early else labels


def entry(video: Video, files: Mapping[str, Path], server: Server) -> Entry:
    """What a server takes of a video; a problem where nothing says which frames or ids."""
    flaws = Folded(video.name)
    lacking, ids = _ids(video, server, flaws)
    listed = server.frames == "listed"
    frames = {name for thing in video.objects.values() for name in thing.frames} if listed else video.frames
    starts = {i: min(thing.frames, key=_order) for i, thing in video.objects.items() if thing.frames} if listed else {}
    found = Entry(video, files, sorted(frames, key=_order), ids, lacking, starts, flaws.lines())
    if not frames:
        found.problems.append(
            f"{video.name}: {'the metadata lists no frames of it' if listed else 'no frames in JPEGImages'}"
            ", so which ones to hand in is not known"
        )
    elif not ids and not found.problems:
        found.problems.append(f"{video.name}: no object in its given masks")
    return found


def _ids(video: Video, server: Server, flaws: Folded) -> tuple[str, list[int]]:
    """What says which ids there may be, and the ids."""
    if server.ids == "metadata" and video.objects:
        return "the metadata lacks", sorted(video.objects)
    masks = list(video.masks.items())[: 1 if server.ids == "first mask" else None]
    read = [flaws.read(path, name, "given mask") for name, path in masks]
    found = {i for labels in read if labels is not None for i in ids_in(labels)}
    return "the first mask lacks" if server.ids == "first mask" else "the given masks lack", sorted(found)


def _size(path: Path | None, name: str, flaws: Folded) -> Size | None:
    if path is None:
        flaws.add("frame", "without an image, so that the size to hand in is not known", name)
        return None
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except UNREADABLE:
        empty = not path.stat().st_size
        flaws.add("frame", f"whose image {'has 0 bytes' if empty else 'cannot be read'}", name)
        return None


def _order(name: str) -> list[tuple[int, int, str]]:
    return natural_order(Path(name))
