"""The parts of a frame that an object may be in, so that what concerns the object alone runs there and not everywhere.

Shapes: b batch, n objects, h height, w width of a coarse grid of positions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool
from torch import Tensor

EDGE = 2
"""So many positions about a region are computed and thrown away: beyond what it is given a network sees zeros."""

Box = tuple[int, int, int, int]
"""Rows from, to, columns from, to."""


@dataclass(frozen=True)
class Region:
    """A rectangle of positions, with and without its edges, and whose it is: one object of one clip of the batch."""

    clip: int
    column: int
    box: Box
    inner: Box

    @property
    def size(self) -> tuple[int, int]:
        """How many rows and columns it has with its edges."""
        return self.box[1] - self.box[0], self.box[3] - self.box[2]

    def cut(self, maps: Tensor, finer: int = 1) -> Tensor:
        """The region with its edges in any maps [..., finer * h, finer * w]: a view."""
        return _cut(maps, self.box, finer)

    def frame(self, maps: Tensor, finer: int = 1) -> Tensor:
        """The region with its edges in maps of the frame [b, ..., finer * h, finer * w]: a view [1, ...]."""
        return self.cut(maps[self.clip : self.clip + 1], finer)

    def own(self, maps: Tensor, finer: int = 1) -> Tensor:
        """The region with its edges in maps of the objects [b, n, ..., finer * h, finer * w]: a view [1, 1, ...]."""
        return self.cut(self.whose(maps), finer)

    def whose(self, maps: Tensor) -> Tensor:
        """All that there is of the object in [b, n, ...]: a view [1, 1, ...]."""
        return maps[self.clip : self.clip + 1, self.column : self.column + 1]

    def put(self, maps: Tensor, crop: Tensor, finer: int = 1) -> None:
        """Into maps [b, n, ...] what was computed [1, 1, ...] of the region, without its edges."""
        top, _, left, _ = self.box
        kept = self.inner[0] - top, self.inner[1] - top, self.inner[2] - left, self.inner[3] - left
        _cut(self.whose(maps), self.inner, finer).copy_(_cut(crop, kept, finer))


def regions(marked: Bool[Tensor, "b n h w"], margin: int) -> Iterator[Region]:
    """About every connected part of what is marked of an object, so many positions wider; joined where that is less.

    Edges come on top.
    """
    size = marked.shape[2:]
    for clip, objects in enumerate(marked.cpu().numpy().astype(np.uint8)):
        for column, marks in enumerate(objects):
            _, _, parts, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
            boxes = [(y, y + h, x, x + w) for x, y, w, h, _ in parts[1:].tolist()]
            for box in _joined([_wider(box, margin, size) for box in boxes]):
                yield Region(clip, column, _wider(box, EDGE, size), box)


def _joined(boxes: list[Box]) -> list[Box]:
    """Boxes of which no two take as much room as the box about both."""
    done = list[Box]()
    while boxes:
        box = boxes.pop()
        for k, other in enumerate(done):
            both = min(box[0], other[0]), max(box[1], other[1]), min(box[2], other[2]), max(box[3], other[3])
            if _area(both) <= _area(box) + _area(other):
                boxes.append(both)
                del done[k]
                break
        else:
            done.append(box)
    return done


def _area(box: Box) -> int:
    return (box[1] - box[0]) * (box[3] - box[2])


def _wider(box: Box, margin: int, size: tuple[int, ...]) -> Box:
    top, bottom, left, right = box
    return max(0, top - margin), min(size[0], bottom + margin), max(0, left - margin), min(size[1], right + margin)


def _cut(maps: Tensor, box: Box, finer: int) -> Tensor:
    top, bottom, left, right = (finer * side for side in box)
    return maps[..., top:bottom, left:right]
