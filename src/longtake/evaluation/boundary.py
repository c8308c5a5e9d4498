"""Contour accuracy F: precision and recall of boundary pixels within a tolerance (Perazzi et al., section 4.1).

The boundary map, the tolerance and the edge cases are those of the DAVIS 2017 toolkit.
"""

import functools
import math

import numpy as np
from jaxtyping import Bool

from longtake.evaluation.bits import NOTHING, WORD, Bits, dilate, east

TOLERANCE = 0.008
"""Radius of the tolerance as a share of the image diagonal."""

Size = tuple[int, int]
"""Height and width in pixels."""


def boundary(mask: Bits, size: Size) -> Bits:
    """Pixels that differ from their east, south or south-east neighbour; the frame's border is never a boundary.

    In the last row only the east neighbour counts, in the last column only the south one.
    """
    if not mask.area:
        return NOTHING
    here = mask.words
    right = east(here)
    lateral, vertical, diagonal = here ^ right, here.copy(order="F"), here.copy(order="F")
    vertical[:-1] ^= here[1:]
    diagonal[:-1] ^= right[1:]
    if mask.top + len(here) == size[0]:
        vertical[-1] = diagonal[-1] = 0
    word, bit = divmod(size[1] - 1, WORD)
    if word - mask.left < here.shape[1]:
        inner = ~np.uint64(1 << bit)
        lateral[:, word - mask.left] &= inner
        diagonal[:, word - mask.left] &= inner
    return Bits(lateral | vertical | diagonal, mask.top, mask.left)


def boundary_map(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The boundary of a mask as an image of the same size."""
    size = (mask.shape[0], mask.shape[1])
    return boundary(Bits.of(mask), size).pixels(*size)


def tolerance_radius(height: int, width: int) -> int:
    """Pixels by which a boundary may be off: 8 at 480x854, 12 at 720x1280."""
    return math.ceil(TOLERANCE * math.hypot(height, width))


class Contour:
    """The boundary of a mask, and the zone within the tolerance of it, made when it is first asked for."""

    def __init__(self, mask: Bits, size: Size) -> None:
        self.line, self.radius = boundary(mask, size), tolerance_radius(*size)

    @functools.cached_property
    def zone(self) -> Bits:
        """All pixels within the radius; it may reach beyond the frame, where nothing is compared with it."""
        return dilate(self.line, self.radius)


def agreement(prediction: Contour, truth: Contour) -> float:
    """Contour accuracy of boundaries that are made already, so that a truth can serve several predictions."""
    count, wanted = prediction.line.area, truth.line.area
    if not count or not wanted:
        return float(count == wanted)
    precision = prediction.line.common(truth.zone) / count
    recall = truth.line.common(prediction.zone) / wanted
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def contour_accuracy(
    prediction: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "h w"],
    void: Bool[np.ndarray, "h w"] | None = None,
) -> float:
    """F measure in [0, 1]; 1 where neither mask has a boundary, 0 where only one has.

    Pixels of `void` are taken out of both masks first.
    """
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    size = (truth.shape[0], truth.shape[1])
    return agreement(Contour(Bits.of(prediction), size), Contour(Bits.of(truth), size))
