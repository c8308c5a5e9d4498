"""Masks on their way from one format to another: of each object on its own, so that objects may overlap.

Shapes: h, w the size of a frame; in a region, of the box that holds an object's pixels.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt16

from longtake.errors import InputError, MaskError
from longtake.types import LARGEST_ID
from longtake.video.spans import Span

log = logging.getLogger("longtake")

OBJECT = "object"
"""The category of what nobody named."""

Report = Callable[[int, int | None], None]
"""Called after each frame with the frames done, and how many there are."""


@dataclass(frozen=True)
class Region:
    """The pixels of an object in a frame, cut to a box; never without any."""

    top: int
    left: int
    inside: Bool[np.ndarray, "h w"]
    category: str = OBJECT
    layer: int = 0
    """Objects of higher layers lie above others."""

    @property
    def area(self) -> int:
        """The number of its pixels."""
        return int(np.count_nonzero(self.inside))

    @property
    def place(self) -> tuple[slice, slice]:
        """Where it lies in the frame."""
        height, width = self.inside.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def box(self) -> list[int]:
        """x, y, width and height, as COCO has them."""
        return [self.left, self.top, self.inside.shape[1], self.inside.shape[0]]

    def mask(self, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
        """The mask of the whole frame; size: its height and width."""
        full = np.zeros(size, bool)
        full[self.place] = self.inside
        return full


Regions = Mapping[int, Region]
"""The objects of a frame by id; one that is not there is left out."""


@dataclass(frozen=True)
class Still:
    """A frame that has masks, or could have."""

    index: int
    """Its place in the video."""
    name: str
    size: tuple[int, int]
    """Height and width."""
    file: str
    """The image that it is, or would be."""


@dataclass(frozen=True)
class MaskVideo:
    """The masks of a video, read frame by frame."""

    name: str
    stills: Sequence[Still]
    read: Callable[[int], Regions]
    """The objects of the frame at a place of `stills`, drawn one over the other in this order."""
    source: str | None = None
    """Where the video itself is, if that is known."""
    span: Span = Span()
    """The part of the source that `stills` are, where it is known that they follow it frame by frame."""
    probabilities: Callable[[int], Mapping[int, Float32[np.ndarray, "h w"]]] | None = None
    """The probabilities of the frame at a place, of each object by id and of the background by 0."""
    tracked: bool = True
    """Whether an id is one object in all frames; else the objects of each frame are numbered as they come."""


def only_object(video: MaskVideo, name: int) -> MaskVideo:
    """The masks of one object of a video. Raises MaskError naming those that there are where no frame has it."""
    others = set[int]()
    for place in range(len(video.stills)):
        regions = video.read(place)
        if name in regions:
            break
        others |= regions.keys()
    else:
        there = ", ".join(map(str, sorted(others)[:12])) or "none"
        raise MaskError(f"{video.name}: no mask has object {name}; there are: {there}")

    def read(place: int) -> Regions:
        return {key: region for key, region in video.read(place).items() if key == name}

    return replace(video, read=read)


def cut(mask: Bool[np.ndarray, "h w"], category: str = OBJECT, layer: int = 0) -> Region | None:
    """The region of a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Region(int(rows[0]), int(columns[0]), np.ascontiguousarray(inside), category, layer)


def regions_of(labels: Shaped[np.ndarray, "h w"]) -> dict[int, Region]:
    """The regions of an id image, by id."""
    flat = labels.reshape(-1)
    pixels = np.flatnonzero(flat)
    pixels = pixels[np.argsort(flat[pixels], kind="stable")]
    names = flat[pixels]
    starts = np.flatnonzero(np.diff(names, prepend=0))
    if not len(starts):
        return {}
    rows, columns = np.divmod(pixels, labels.shape[1])
    edges = [f.reduceat(each, starts).tolist() for each in (rows, columns) for f in (np.minimum, np.maximum)]
    found = {}
    for name, top, bottom, left, right in zip(names[starts].tolist(), *edges, strict=True):
        found[name] = Region(top, left, labels[top : bottom + 1, left : right + 1] == name)
    return found


def flattened(regions: Regions, size: tuple[int, int]) -> tuple[UInt16[np.ndarray, "h w"], int]:
    """An id image, and how many pixels several objects claim: those get the one of the highest layer.

    Within a layer the smallest object lies on top. size: height and width.
    """
    labels, claims = np.zeros(size, np.uint16), np.zeros(size, np.uint16)
    for name, region in sorted(regions.items(), key=lambda entry: (entry[1].layer, -entry[1].area)):
        labels[region.place][region.inside] = name
        claims[region.place] += region.inside
    return labels, int(np.count_nonzero(claims > 1))


@dataclass
class Overlaps:
    """What id images of a video cannot hold, counted."""

    video: str
    frames: int = 0
    pixels: int = 0

    def add(self, labels: UInt16[np.ndarray, "h w"], claimed: int) -> UInt16[np.ndarray, "h w"]:
        """What `flattened` gave of one more frame; returns its ids."""
        self.frames, self.pixels = self.frames + (claimed > 0), self.pixels + claimed
        return labels

    def tell(self) -> None:
        """Warn where there are any."""
        if self.pixels:
            log.warning(
                "%s: objects overlap in %d frames (%d pixels), which id images cannot hold: there the higher layer "
                "was kept, or else the smaller object",
                self.video,
                self.frames,
                self.pixels,
            )


def checked_ids(wanted: Sequence[int]) -> dict[int, int] | None:
    """New ids from 1 on where some are not between 1 and 65535, in order; None where all can stay.

    Raises InputError where there are too many.
    """
    known = sorted(set(wanted))
    if not known or (known[0] > 0 and known[-1] <= LARGEST_ID):
        return None
    if len(known) > LARGEST_ID:
        raise InputError(f"{len(known):,} objects in one video; there may be {LARGEST_ID:,}")
    return {name: number for number, name in enumerate(known, 1)}
