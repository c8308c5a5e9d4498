"""Videos and masks of one's own, checked, and brought into one layout for training; frame by frame.

Shapes: h, w the size of a frame.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image

from longtake.data.dataset import IMAGES, MASKS
from longtake.data.labels import VOID
from longtake.errors import InputError, LongtakeError, UnfitError
from longtake.evaluation.folded import Folded, counted
from longtake.export.exchange import MaskVideo, Overlaps, flattened
from longtake.training.own import Own, find_own, unknown
from longtake.video.palette import write_labels
from longtake.video.sinks import output
from longtake.video.source import Entry
from longtake.video.sources import open_source
from longtake.video.whole import whole_folder

LEAST = 2
"""Annotated frames that a video needs: one to give the masks of, one to follow in."""
QUALITY = 95
"""Of the JPEGs that frames are stored as."""

Keep = Callable[[str, str, UInt8[np.ndarray, "h w 3"], UInt16[np.ndarray, "h w"]], None]
"""Called with a video's name, a frame's name, its image and its ids."""
Tick = Callable[[], None]


@dataclass
class Checked:
    """What the videos hold, by video; problems, and notes that are good to know."""

    frames: dict[str, int] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(path: Path, keep: Keep = lambda *frame: None, tick: Tick = lambda: None) -> Checked:
    """Read every annotated frame and its masks, one at a time. tick: called after each.

    Raises InputError where there is nothing of the kind.
    """
    own = find_own(path)
    if own is None:
        raise InputError(f"{path}: {unknown(path)}")
    checked = Checked()
    try:
        videos = own.open()
    except LongtakeError as error:
        checked.problems.append(str(error))
        return checked
    pairs = {video.name: own.frames_of(video, alone=len(videos) == 1) for video in videos}
    for video in videos:
        if (frames := pairs[video.name]) is None:
            there = ", ".join(sorted(own.frames)) or "none"
            checked.problems.append(
                f"{video.name}: masks, but no video or folder of frames of that name beside them (there: {there})"
            )
            continue
        try:
            _Check(own, video, checked, keep, tick).run(frames)
        except LongtakeError as error:
            checked.problems.append(f"{video.name}: {error}")
    if len(videos) > 1 and (bare := sorted(name for name in own.frames if own.frames[name] not in pairs.values())):
        checked.notes.append(f"{counted(len(bare), 'video')} without masks: {', '.join(bare[:5])}")
    return checked


class _Check:
    """One video on its way."""

    def __init__(self, own: Own, video: MaskVideo, checked: Checked, keep: Keep, tick: Tick) -> None:
        self.own, self.video, self.checked, self.keep, self.tick = own, video, checked, keep, tick
        self.flaws, self.overlaps, self.ids = Folded(video.name), Overlaps(video.name), dict[int, int]()
        self.masks = self.empty = self.all = 0

    def run(self, frames: Path) -> None:
        """Raises LongtakeError where the video cannot be read on."""
        left = set(range(len(self.video.stills)))
        try:
            for entry, place in self._matched(frames):
                if place is not None and place in left:
                    left.discard(place)
                    self._take(entry, place)
                    self.tick()
            stray = [self.video.stills[place].name for place in sorted(left) if not self._is_empty(place)]
            self.flaws.add("mask", f"without a frame in {frames.name}", *stray)
        finally:
            self._finish()
        self._count()

    def _matched(self, frames: Path) -> Iterator[tuple[Entry, int | None]]:
        """All frames, not decoded yet, with the place of their masks: the same by name, or by number."""
        places = {still.name: place for place, still in enumerate(self.video.stills)}
        numbers = {int(name): place for name, place in places.items() if name.isdecimal()}
        for entry in open_source(frames).entries():
            self.all += 1
            number = int(entry.name) if entry.name.isdecimal() else entry.index
            yield entry, places.get(entry.name, numbers.get(number))

    def _take(self, entry: Entry, place: int) -> None:
        still = self.video.stills[place]
        try:
            regions, image = self.video.read(place), None
            if regions or not self.own.sparse:
                image = entry.load()
        except LongtakeError as error:
            self.flaws.add("frame", f"that cannot be used ({_reason(error, still.name)})", still.name)
            return
        if image is None:
            self.empty += 1
            return
        height, width = image.shape[:2]
        if (height, width) != still.size:
            flaw = f"of {still.size[1]}x{still.size[0]} pixels for a frame of {width}x{height}"
            self.flaws.add("mask", flaw, still.name)
            return
        if not self.video.tracked and len(regions) > 1:
            self.flaws.add("frame", "with several objects but no ids that tell which is which (track_id)", still.name)
            return
        labels = self.overlaps.add(*flattened(regions, still.size))
        self.masks += 1
        self.checked.sizes.setdefault(self.video.name, still.size)
        self.keep(self.video.name, still.name, image, self._renumbered(labels))

    def _renumbered(self, labels: UInt16[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
        """Ids as they come from 1 on, for training takes no more than 254."""
        table = np.zeros(int(labels.max()) + 1, np.uint16)
        for name in np.unique(labels[labels > 0]).tolist():
            table[name] = self.ids.setdefault(name, len(self.ids) + 1)
        renumbered: np.ndarray = table[labels]
        return renumbered

    def _is_empty(self, place: int) -> bool:
        return self.own.sparse and not self.video.read(place)

    def _finish(self) -> None:
        name = self.video.name
        self.checked.problems += self.flaws.lines()
        self.checked.frames[name], self.checked.masks[name] = self.all, self.masks
        self.checked.objects[name] = len(self.ids)
        if self.empty:
            self.checked.notes.append(f"{name}: {counted(self.empty, 'frame')} without any mask taken as not annotated")
        if self.overlaps.pixels:
            self.checked.notes.append(
                f"{name}: objects overlap in {counted(self.overlaps.frames, 'frame')}; the higher layer is kept, or "
                "else the smaller object"
            )

    def _count(self) -> None:
        """What is too little or too much to train on."""
        name, problems = self.video.name, self.checked.problems
        if self.masks and not self.ids:
            problems.append(f"{name}: no mask holds an object")
        elif self.masks < LEAST:
            told = "only 1 annotated frame" if self.masks else "no frame with masks"
            problems.append(f"{name}: {told}; annotate at least {LEAST}: one is given, the others are followed")
        if len(self.ids) >= VOID:
            problems.append(f"{name}: {len(self.ids)} objects; training takes {VOID - 1} in a video")


def _reason(error: LongtakeError, name: str) -> str:
    """What an error says, without the file that differs from frame to frame."""
    where, _, what = str(error).partition(": ")
    return what if what and Path(where).stem == name else str(error)


def bring(path: Path, out: Path) -> list[str]:
    """Write the annotated frames of a path, whole or not at all, as `out`/JPEGImages and `out`/Annotations; notes.

    Raises UnfitError with every problem, InputError, OutputError.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with output(out), whole_folder(out) as partial_:
        checked = check(path, partial(_write, partial_))
        if checked.problems:
            raise UnfitError(
                [f"{path}: {problem.removeprefix(f'{path}: ')}" for problem in checked.problems], "trained"
            )
    return [f"{path}: {note}" for note in checked.notes]


def _write(
    out: Path, video: str, name: str, image: UInt8[np.ndarray, "h w 3"], labels: UInt16[np.ndarray, "h w"]
) -> None:
    picture, masks = out / IMAGES / video / f"{name}.jpg", out / MASKS / video / f"{name}.png"
    for place in (picture, masks):
        place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(picture, quality=QUALITY, subsampling=0)
    write_labels(masks, labels)
