"""Mask images: ids in any of the usual modes, colours taken for ids with a report, soft edges refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from longtake.errors import MaskError
from longtake.types import LARGEST_ID, Masks
from longtake.video.images import UNREADABLE
from longtake.video.palette import voc_palette

Colour = tuple[int, int, int]

UNSEEN = 32
"""Greys up to this one are ids: nobody paints soft edges that he cannot see."""

MANY = 32
"""Values without any patch of 2x2 pixels, beyond which an image is a picture and no mask."""


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
            for colour in sorted(fresh, key=lambda colour: colour not in palette):
                name = palette.get(colour, 0)
                self.known[colour] = name if name and name not in self.known.values() else self._free()
        return [self.known[colour] for colour in found]

    def _free(self) -> int:
        taken = set(self.known.values())
        return next(i for i in range(1, LARGEST_ID + 2) if i not in taken)


def told(taken: Sequence[tuple[Colour, int]]) -> str:
    """Colours and their ids in words."""
    words = ", ".join("#{:02x}{:02x}{:02x} is {}".format(*colour, name) for colour, name in taken[:12])
    return words + (f" and {len(taken) - 12} more" if len(taken) > 12 else "")


def read_masks(path: Path, colours: Colours | None = None) -> Masks:
    """Palette, 1-bit, greyscale, 16-bit and colour masks; transparent pixels are background.

    Black and white is one object. 255 beside small ids (below 64; any, in a palette) means "ignore" and becomes
    background. A palette that does not begin with black is read by its colours. colours: what is known from other
    masks of the video. Raises MaskError naming file and reason; for masks with soft edges, how many values are stray.
    """
    mode, values, shades = _pixels(path)
    if mode in ("RGB", "RGBA", "LA"):
        if mode != "RGB":
            values = _opaque(values, path)
        if (values[..., :1] != values).any():
            return _from_colours(values, colours or Colours(), path)
        mode, values, shades = "L", values[..., 0], values[..., 0]
    if mode not in ("P", "1", "L") and not mode.startswith("I"):
        raise MaskError(f"{path}: an image of mode {mode}; save it as palette or greyscale, one value per object")
    found = np.unique(values)
    if found[0] < 0 or found[-1] > LARGEST_ID:
        raise MaskError(f"{path}: object id {found[-1 if found[0] >= 0 else 0]}; ids go from 1 to {LARGEST_ID}")
    if shades is not None and shades.max() > UNSEEN:
        _refuse_soft(shades[..., None], path, few=0 if mode in ("L", "P") else 8)
    labels = values.astype(np.uint16)
    if mode in ("P", "L") and found[-1] == 255:
        others = found[(found > 0) & (found < 255)]
        if not len(others):
            labels[labels == 255] = 1
        elif mode == "P" or others[-1] < 64:
            labels[labels == 255] = 0
    return Masks(labels, tuple(int(i) for i in np.unique(labels) if i), str(path))


def _pixels(path: Path) -> tuple[str, np.ndarray, np.ndarray | None]:
    """Mode and values of an image as it is to be seen, and its shades of grey where soft edges could be among them."""
    try:
        with Image.open(path) as stored:
            if stored.mode in ("RGB", "RGBA", "LA") and any(";16" in str(tile[3]) for tile in stored.tile):
                raise MaskError(
                    f"{path}: 16 bits per colour; save it with 8, or as 16-bit greyscale with an id per pixel"
                )
            image = ImageOps.exif_transpose(stored)
            if image.mode == "P":
                return _indexed(image)
            values = np.array(image)
            return image.mode, values, values if image.mode == "L" or image.mode.startswith("I") else None
    except FileNotFoundError as error:
        raise MaskError(f"{path}: no such file; --masks takes a mask image or a folder of them") from error
    except UNREADABLE as error:
        raise MaskError(f"{path}: not a readable image ({error})") from error


def _indexed(image: Image.Image) -> tuple[str, np.ndarray, np.ndarray | None]:
    """A palette's indices are ids, unless index 0 is an object's colour or another index is transparent."""
    values, shown = np.array(image), np.array(image.convert("RGBA"))
    zero, clear, black = values == 0, shown[..., 3] == 0, (shown[..., :3] == 0).all(axis=2)
    if (clear & ~zero).any() or ((zero & ~black & ~clear).any() and (black & ~zero).any()):
        return "RGBA", shown, None
    return "P", values, shown[..., 0] if (shown[..., :1] == shown[..., :3]).all() else None


def _opaque(values: UInt8[np.ndarray, "h w c"], path: Path) -> UInt8[np.ndarray, "h w d"]:
    """The colours without their alpha, black where it is zero. Raises MaskError where it is anything between."""
    alpha = values[..., -1:]
    if soft := np.count_nonzero((alpha > 0) & (alpha < 255)):
        raise MaskError(f"{path}: {soft} pixels are half transparent; save the mask without anti-aliasing, as a PNG")
    return np.where(alpha > 0, values[..., :-1], np.uint8(0))


def _from_colours(values: UInt8[np.ndarray, "h w 3"], colours: Colours, path: Path) -> Masks:
    packed = values.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    _refuse_soft(values, path)
    found, place = np.unique(packed, return_inverse=True)
    names = colours.take([(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in found])
    labels = np.array(names, np.uint16)[place.reshape(packed.shape)]
    return Masks(labels, tuple(int(i) for i in np.unique(labels) if i), str(path))


def _refuse_soft(shades: np.ndarray, path: Path, few: int = 0) -> None:
    """Raises MaskError where more than `few` values between those of patches tell of soft edges or lossy compression.

    shades: [h, w, c]. A value that fills 2x2 pixels somewhere is no soft edge, nor one that most of its pixels
    have as the least or the greatest of their neighbourhood.
    """
    packed = shades.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1][-shades.shape[2] :])
    found, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
    place = place.reshape(packed.shape)
    solid = np.isin(found, _solid(packed)) | (found == 0)
    window = np.ones((3, 3), np.uint8)
    within = np.ones(packed.shape, bool)
    between = np.zeros(packed.shape, bool)
    for channel in np.moveaxis(shades.astype(np.float32), 2, 0):
        low, high = cv2.erode(channel, window), cv2.dilate(channel, window)
        within &= (low < channel) & (channel < high) | (low == high)
        between |= (low < channel) & (channel < high)
    between &= within
    stray = ~solid & (2 * np.bincount(place[between], minlength=len(found)) >= counts)
    if (~solid).sum() > max(MANY, len(found) // 2):
        stray = ~solid
    if stray.sum() > few:
        found_in = f"{counts[stray].sum()} pixels of {stray.sum()} stray values"
        if path.suffix.lower() in (".jpg", ".jpeg"):
            raise MaskError(f"{path}: JPEG blurs masks; save it as PNG ({found_in})")
        raise MaskError(f"{path}: {found_in}, as of soft edges; save the mask without anti-aliasing, as a PNG")


def _solid(values: np.ndarray) -> np.ndarray:
    """The values that fill 2x2 pixels somewhere."""
    corner = values[:-1, :-1]
    same = (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    return np.unique(corner[same])
