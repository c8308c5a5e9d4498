"""Id images as benchmarks store them: an id per pixel, read as it stands."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Shaped, UInt8, UInt16
from PIL import Image

from longtake.errors import LongtakeError, MaskError
from longtake.types import LARGEST_ID
from longtake.video.images import UNREADABLE

VOID = 255
"""In DAVIS, pixels that belong to no object for certain."""


STRETCHED = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies greys of 2 and of 4 bits."""


def read_labels(path: Path) -> UInt8[np.ndarray, "h w"] | UInt16[np.ndarray, "h w"]:
    """The stored values of a palette, 1-bit or greyscale image; no colour is interpreted, no value changed.

    Raises MaskError naming the file: where it cannot be read, or its pixels are colours.
    """
    if path.suffix.lower() in (".jpg", ".jpeg"):
        raise MaskError(f"{path}: a JPEG, which changes ids; save masks as PNG")
    try:
        with Image.open(path) as image:
            stretch = next((STRETCHED.get(str(tile[3]), 1) for tile in image.tile), 1)
            mode, values = image.mode, np.array(image)
    except UNREADABLE as error:
        raise MaskError(f"{path}: not a readable image ({error})") from error
    if mode in ("P", "L"):
        return values if stretch == 1 else values // stretch
    if mode == "1":
        return values.astype(np.uint8)
    if not mode.startswith("I"):
        raise MaskError(
            f"{path}: an image of mode {mode}; masks to be scored are palette or greyscale, an id per pixel"
        )
    if values.min() < 0 or values.max() > LARGEST_ID:
        raise MaskError(f"{path}: values from {values.min()} to {values.max()}; ids go from 0 to {LARGEST_ID}")
    return values.astype(np.uint16)


def ids_in(labels: Shaped[np.ndarray, "h w"]) -> list[int]:
    """The ids in an id image, in order; neither background nor void."""
    if labels.dtype != np.uint8:
        return [int(value) for value in np.unique(labels) if value]
    counts = cv2.calcHist([np.ascontiguousarray(labels)], [0], None, [256], [0, 256]).reshape(-1)
    return [int(value) for value in np.flatnonzero(counts) if value not in (0, VOID)]


def void_in(labels: Shaped[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The pixels that are void: 255 in 8 bits; in 16 bits that is an id."""
    return labels == VOID if labels.dtype == np.uint8 else np.zeros(labels.shape, bool)


def white_in(paths: Iterable[Path]) -> bool:
    """Whether 255 is the object in the masks of a video: so in black and white, while it is void beside ids.

    The first mask that holds anything decides; masks that cannot be read are passed over.
    """
    return next((white for path in paths if (white := _white(path)) is not None), True)


def _white(path: Path) -> bool | None:
    """Whether a mask has white and no id; None where it is empty or cannot be read."""
    try:
        labels = read_labels(path)
    except LongtakeError:
        return None
    return not ids_in(labels) if (labels != 0).any() else None
