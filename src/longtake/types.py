"""The values that people pass in and get back: frames, masks, predictions; all frozen.

Shapes: h height and w width of the original frame, n objects.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt8, UInt16

from longtake.errors import MaskError

LARGEST_ID = 65_535


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before its frames are read; count is None where only decoding would tell."""

    name: str
    count: int | None
    rate: Fraction
    """Frames per second, for writers that need one; the timestamps are in the frames."""
    time_base: Fraction
    """Seconds per tick: every frame's time is a whole number of them."""


@dataclass(frozen=True)
class Frame:
    """A frame as it is to be seen (rotation applied), RGB, with its place in the source."""

    index: int
    name: str
    seconds: Fraction
    """When it is shown, as the source has it: exact, and not always 0 for the first."""
    keyframe: bool
    image: UInt8[np.ndarray, "h w 3"]
    origin: Fraction = Fraction(0)
    """When the source's first frame is shown."""

    @property
    def since_first(self) -> Fraction:
        """Seconds since the source's first frame, which is what people count in."""
        return self.seconds - self.origin

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

    @staticmethod
    def of(given: "Masks | Mapping[int, Any] | Shaped[np.ndarray, '...']", origin: str = "the given masks") -> "Masks":
        """Masks from an array of ids [h, w], or from a mask [h, w] per id (nonzero is inside; later ones on top).

        Ids are 1..65535, in any order and with gaps. Raises MaskError on any other id, shape or type.
        """
        if isinstance(given, Masks):
            return given
        if not isinstance(given, Mapping):
            return _from_labels(np.asarray(given), origin)
        planes = {name: np.asarray(plane) for name, plane in given.items()}
        for name in planes:
            if isinstance(name, bool) or not isinstance(name, int | np.integer) or not 0 < name <= LARGEST_ID:
                raise MaskError(f"{origin}: object id {name!r}; ids are whole numbers from 1 to {LARGEST_ID}")
        shapes = {plane.shape for plane in planes.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise MaskError(f"{origin}: masks of shapes {sorted(shapes)}; give each object one of the frame's [h, w]")
        labels = np.zeros(next(iter(shapes)), np.uint16)
        for name, plane in planes.items():
            labels[plane.astype(bool)] = name
        return Masks(labels, tuple(int(name) for name in planes if (labels == name).any()), origin)


def check_masks(masks: Masks, due: tuple[int, int], frame: str) -> None:
    """Raises MaskError where masks have another size than their frame, of which they should have this one."""
    size = (masks.labels.shape[0], masks.labels.shape[1])
    if size == due:
        return
    hint = "give it that size"
    if size == due[::-1]:
        hint = "it seems to be turned: frames are taken as they are to be seen"
    elif abs(size[0] - size[1] * due[0] / due[1]) > 1:
        hint = "its aspect is another, so it cannot be of this video"
    raise MaskError(f"{masks.origin}: {in_pixels(size)}, but {frame} is {in_pixels(due)}; {hint}")


def in_pixels(size: tuple[int, int]) -> str:
    """Height and width, as people write them."""
    return f"{size[1]}x{size[0]} pixels"


def _from_labels(labels: np.ndarray, origin: str) -> Masks:
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        shape = "x".join(map(str, labels.shape))
        raise MaskError(f"{origin}: an array {shape} of {labels.dtype}; give whole numbers, one id per pixel: [h, w]")
    found = np.unique(labels)
    if found.size and (found[0] < 0 or found[-1] > LARGEST_ID):
        wrong = found[0] if found[0] < 0 else found[-1]
        raise MaskError(f"{origin}: object id {wrong}; ids are whole numbers from 1 to {LARGEST_ID}, 0 is none")
    return Masks(labels.astype(np.uint16), tuple(int(i) for i in found if i), origin)


@dataclass(frozen=True)
class Proposals:
    """What may be an object in a frame, whichever: masks on the frame's own pixels, and how sure their finder was."""

    masks: Bool[np.ndarray, "p h w"]
    scores: Float32[np.ndarray, "p"]


Proposer = Callable[[Frame], Proposals]
"""Looks for whatever may be an object in a frame."""


@dataclass(frozen=True)
class Prediction:
    """The objects of a frame: the id of each pixel, the most probable one as a rule, and that id's probability."""

    frame: Frame
    ids: tuple[int, ...]
    labels: UInt16[np.ndarray, "h w"]
    certainty: Float32[np.ndarray, "h w"]
    given: bool
    """Whether masks were given on this frame; where they were, the labels are theirs."""
    soft: Callable[[], np.ndarray] = field(repr=False, compare=False)

    @functools.cached_property
    def probabilities(self) -> Float32[np.ndarray, "_ h w"]:
        """Background first, then `ids` in their order; they sum to one. Computed when it is first asked for."""
        return self.soft()
