"""Rough prompts: a box, points and scribbles that tell roughly where one object is in a frame."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from longtake.errors import MaskError

Point = tuple[float, float]
"""x from the left and y from the top, in pixels of the frame."""

Line = tuple[Point, ...]
"""Points joined by straight strokes."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge in pixels of the frame; the whole frame is 0, 0, width, height."""

Mask = Bool[np.ndarray, "h w"]


@dataclass(frozen=True)
class Rough:
    """What is given of one object on one frame; `background...` is what does not belong to it."""

    box: Box | None = None
    points: tuple[Point, ...] = ()
    background_points: tuple[Point, ...] = ()
    scribbles: tuple[Line, ...] = ()
    background_scribbles: tuple[Line, ...] = ()

    @property
    def inside(self) -> tuple[Line, ...]:
        """All that belongs to the object; a point is a line of one."""
        return (*((point,) for point in self.points), *self.scribbles)

    @property
    def outside(self) -> tuple[Line, ...]:
        """All that does not belong to it."""
        return (*((point,) for point in self.background_points), *self.background_scribbles)

    @property
    def corrects(self) -> bool:
        """Whether it can be laid over a mask that is there; a box begins anew."""
        return self.box is None

    def check(self, size: tuple[int, int]) -> None:
        """Raises MaskError where something lies outside a frame of this height and width."""
        height, width = size
        frame = f"outside the frame, which is {width}x{height} pixels"
        if self.box is not None:
            left, top, right, bottom = self.box
            if not (left < right and top < bottom):
                raise MaskError(f"box {words(self.box)}: left, top, right and bottom edge, in this order")
            if left < 0 or top < 0 or right > width or bottom > height:
                raise MaskError(f"box {words(self.box)}: {frame}")
        for point in self._points():
            if not (0 <= point[0] < width and 0 <= point[1] < height):
                raise MaskError(f"point {words(point)}: {frame}")

    def _points(self) -> Iterator[Point]:
        for line in (*self.inside, *self.outside):
            yield from line


Maker = Callable[[UInt8[np.ndarray, "h w 3"], Rough, Mask | None], Mask]
"""Makes the mask of an object in an RGB frame; of a mask that is given, too, a better one."""


def words(numbers: tuple[float, ...]) -> str:
    """Coordinates as people write them."""
    return ",".join(f"{number:g}" for number in numbers)
