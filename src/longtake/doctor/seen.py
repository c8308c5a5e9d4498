"""A video of a data set with every frame and mask decoded: sizes, ids, and what is wrong with its files."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.dataset import Video
from longtake.data.labels import ids_in, void_in
from longtake.doctor.images import FLAT, Size
from longtake.evaluation.folded import Folded
from longtake.video.images import UNREADABLE, images_in, repeated_names

Tick = Callable[[], None]
"""Called after each image."""

WHITE = 255
"""In DAVIS 2016 the one object, where no other id is."""


@dataclass
class Seen:
    """Sizes of the frames and ids of the masks that can be read, by name and in order of time."""

    video: Video
    sizes: dict[str, Size] = field(default_factory=dict)
    ids: dict[str, list[int]] = field(default_factory=dict)
    shapes: dict[str, Size] = field(default_factory=dict)
    """Sizes of the masks."""
    void: list[str] = field(default_factory=list)
    """Masks that hold the value 255 beside ids."""
    problems: list[str] = field(default_factory=list)

    @property
    def objects(self) -> dict[int, str]:
        """Each id, and the first mask that has it."""
        return {i: name for name in reversed(self.ids) for i in self.ids[name]}

    @property
    def first_only(self) -> bool:
        """Whether each mask is one in which an object comes, as in the splits that servers score."""
        return set(self.ids) <= set(self.objects.values())


def look(video: Video, tick: Tick) -> Seen:
    """Decode all of a video."""
    seen, flaws = Seen(video), Folded(video.name)
    for name, path in video.frames.items():
        if size := _decoded(path, name, flaws):
            seen.sizes[name] = size
        tick()
    for name, path in video.masks.items():
        _read(path, name, seen, flaws)
        tick()
    _white(seen)
    _check_sizes(seen, flaws)
    _check_names(seen, flaws)
    seen.problems = flaws.lines()
    if seen.ids and not seen.objects:
        seen.problems.append(f"{video.name}: no mask holds an object")
    return seen


def _decoded(path: Path, name: str, flaws: Folded) -> Size | None:
    """The size of an image all of whose data was read; a JPEG's pixels are computed for an eighth of it only."""
    try:
        with Image.open(path) as image:
            size = image.height, image.width
            image.draft("RGB", (image.width // 8, image.height // 8))
            image.load()
            return size
    except UNREADABLE:
        empty = not path.stat().st_size
        flaws.add("frame", "of 0 bytes, placeholders instead of images" if empty else "that cannot be read", name)
        return None


def _read(path: Path, name: str, seen: Seen, flaws: Folded) -> None:
    if path.suffix.lower() in (".jpg", ".jpeg"):
        flaws.add("mask", "stored as JPEG, which changes ids; save masks as PNG", name)
        return
    labels = flaws.read(path, name, "mask")
    if labels is None:
        return
    seen.ids[name], seen.shapes[name] = ids_in(labels), (labels.shape[0], labels.shape[1])
    if len(seen.ids[name]) > FLAT and labels.dtype == np.uint8:
        flaws.add("mask", f"with more than {FLAT} ids, as soft edges make them; save masks without anti-aliasing", name)
    if void_in(labels).any():
        seen.void.append(name)


def _white(seen: Seen) -> None:
    """Takes white for the one object of a video that has no other."""
    if seen.void and not seen.objects:
        seen.ids |= {name: [WHITE] for name in seen.void}
        seen.void = []


def _check_sizes(seen: Seen, flaws: Folded) -> None:
    _alike(seen.sizes, "frame", flaws)
    if not seen.sizes:
        _alike(seen.shapes, "mask", flaws)
    for name, shape in seen.shapes.items():
        if (size := seen.sizes.get(name, shape)) != shape:
            flaws.add("mask", f"of {_words(shape)} pixels for a frame of {_words(size)}", name)


def _alike(sizes: Mapping[str, Size], noun: str, flaws: Folded) -> None:
    if not sizes:
        return
    usual, _ = Counter(sizes.values()).most_common(1)[0]
    for name, size in sizes.items():
        if size != usual:
            flaws.add(noun, f"of {_words(size)} pixels, unlike most ({_words(usual)})", name)


def _check_names(seen: Seen, flaws: Folded) -> None:
    video = seen.video
    if video.frames:
        flaws.add("mask", "without a frame", *[name for name in video.masks if name not in video.frames])
    for noun, files in (("frame", video.frames), ("mask", video.masks)):
        if files:
            twice = repeated_names(images_in(next(iter(files.values())).parent))
            flaws.add("name", f"that several {noun}s have", *twice)


def _words(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
