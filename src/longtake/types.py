"""The values that people pass in and get back: frames, masks, predictions; all frozen.

Shapes: h height and w width of the original frame, n objects.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float32, UInt8, UInt16


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before its frames are read; count is None where only decoding would tell."""

    name: str
    count: int | None
    rate: Fraction
    """Frames per second, for writers that need one; the timestamps are in the frames."""


@dataclass(frozen=True)
class Frame:
    """A frame as it is to be seen (rotation applied), RGB, with its place in the source."""

    index: int
    name: str
    seconds: Fraction
    keyframe: bool
    image: UInt8[np.ndarray, "h w 3"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True)
class Masks:
    """Objects given on a frame: an id per pixel, 0 for none; ids lists the objects, in order."""

    labels: UInt16[np.ndarray, "h w"]
    ids: tuple[int, ...]
    origin: str = "masks"
    """Where they come from, for messages."""


@dataclass(frozen=True)
class Prediction:
    """The objects of a frame. probabilities: background first, then `ids` in their order; they sum to one."""

    frame: Frame
    ids: tuple[int, ...]
    labels: UInt16[np.ndarray, "h w"]
    probabilities: Float32[np.ndarray, "_ h w"]
    given: bool
