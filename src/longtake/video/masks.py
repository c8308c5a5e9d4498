"""Mask images: ids in any of the usual modes, colours taken for ids with a report, soft edges refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from longtake.errors import MaskError
from longtake.types import LARGEST_ID, Masks
from longtake.video.images import UNREADABLE
from longtake.video.palette import voc_palette

Colour = tuple[int, int, int]

FEW_STRAYS = 2
"""Values of no solid patch that a mask may hold: objects of a pixel or a line. A soft edge makes many more."""


@dataclass
class Colours:
    """Which colour is which id, the same for every mask of a video.

    Colours of the VOC palette are their ids; others get the ids that are free, in the order in which they come.
    """

    known: dict[Colour, int] = field(default_factory=lambda: {(0, 0, 0): 0})

    def take(self, found: list[Colour]) -> list[int]:
        """The ids of colours, new ones among them."""
        if fresh := [colour for colour in found if colour not in self.known]:
            palette = {tuple(int(c) for c in colour): i for i, colour in enumerate(voc_palette())}
            for colour in fresh:
                self.known[colour] = palette.get(colour, 0) or self._free()
        return [self.known[colour] for colour in found]

    def _free(self) -> int:
        taken = set(self.known.values())
        return next(i for i in range(1, LARGEST_ID + 2) if i not in taken)


def told(taken: Sequence[tuple[Colour, int]]) -> str:
    """Colours and their ids in words."""
    words = ", ".join("#{:02x}{:02x}{:02x} is {}".format(*colour, name) for colour, name in taken[:12])
    return words + (f" and {len(taken) - 12} more" if len(taken) > 12 else "")


def read_masks(path: Path, colours: Colours | None = None) -> Masks:
    """Palette, 1-bit, greyscale (ids, or 0 and 255), 16-bit and colour masks; transparent pixels are background.

    255 beside other ids of a palette or of greyscale means "ignore" and becomes background. colours: what is known
    from other masks of the video. Raises MaskError naming file and reason; for masks with soft edges, how many values
    are stray.
    """
    mode, values = _pixels(path)
    if mode in ("RGB", "RGBA", "LA"):
        if mode != "RGB":
            values = _opaque(values, path)
        if (values[..., :1] != values).any():
            return _from_colours(values, colours or Colours(), path)
        mode, values = "L", values[..., 0]
    if mode not in ("P", "1", "L") and not mode.startswith("I"):
        raise MaskError(f"{path}: an image of mode {mode}; save it as palette or greyscale, one value per object")
    found = np.unique(values)
    if found[0] < 0 or found[-1] > LARGEST_ID:
        raise MaskError(f"{path}: object id {found[-1 if found[0] >= 0 else 0]}; ids go from 1 to {LARGEST_ID}")
    if mode == "L":
        _refuse_soft(values, values, path)
    labels = values.astype(np.uint16)
    if mode in ("P", "L") and found[-1] == 255:
        labels[labels == 255] = 0 if ((values > 0) & (values < 255)).any() else 1
    return Masks(labels, tuple(int(i) for i in np.unique(labels) if i), str(path))


def _pixels(path: Path) -> tuple[str, np.ndarray]:
    try:
        with Image.open(path) as image:
            return image.mode, np.array(image)
    except FileNotFoundError as error:
        raise MaskError(f"{path}: no such file; --masks takes a mask image or a folder of them") from error
    except UNREADABLE as error:
        raise MaskError(f"{path}: not a readable image ({error})") from error


def _opaque(values: UInt8[np.ndarray, "h w c"], path: Path) -> UInt8[np.ndarray, "h w d"]:
    """The colours without their alpha, black where it is zero. Raises MaskError where it is anything between."""
    alpha = values[..., -1:]
    if soft := np.count_nonzero((alpha > 0) & (alpha < 255)):
        raise MaskError(f"{path}: {soft} pixels are half transparent; save the mask without anti-aliasing, as a PNG")
    return np.where(alpha > 0, values[..., :-1], np.uint8(0))


def _from_colours(values: UInt8[np.ndarray, "h w 3"], colours: Colours, path: Path) -> Masks:
    packed = values.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    _refuse_soft(packed, values, path)
    found, place = np.unique(packed, return_inverse=True)
    names = colours.take([(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in found])
    labels = np.array(names, np.uint16)[place.reshape(packed.shape)]
    return Masks(labels, tuple(int(i) for i in np.unique(labels) if i), str(path))


def _refuse_soft(values: np.ndarray, shown: np.ndarray, path: Path) -> None:
    """Raises MaskError where values between those of solid patches tell of anti-aliasing or of lossy compression."""
    found, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    place = place.reshape(values.shape)
    solid = np.isin(found, _solid(values)) | (found == 0)
    objects = (solid & (found > 0))[place].astype(np.uint8)
    beside = cv2.dilate(objects, np.ones((3, 3), np.uint8)) > objects
    stray = ~solid & (2 * np.bincount(place[beside], minlength=len(found)) >= counts)
    if (~solid).sum() > max(FEW_STRAYS, len(found) // 2):
        stray = ~solid
    if shown.ndim == 2 and found[-1] == 255:  # black and white: what is between is stray, however wide its patches
        between = (found > 0) & (found < 255)
        stray |= between & (counts[between].sum() < counts[-1])
    if stray.any():
        raise MaskError(
            f"{path}: {counts[stray].sum()} pixels of {stray.sum()} stray values, as of soft edges; "
            "save the mask without anti-aliasing, as a PNG"
        )


def _solid(values: np.ndarray) -> np.ndarray:
    """The values that fill 2x2 pixels somewhere."""
    corner = values[:-1, :-1]
    same = (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    return np.unique(corner[same])
