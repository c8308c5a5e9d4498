"""Mask images: ids in any of the usual modes in, palette PNG in the colours of PASCAL VOC out."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image

from longtake.errors import MaskError
from longtake.types import Masks


def voc_palette() -> UInt8[np.ndarray, "256 3"]:
    """The PASCAL VOC colour map: bit k of an id's red, green and blue part goes to bit 7-k of the colour."""
    ids, palette = np.arange(256), np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= ((ids >> channel & 1) << 7 - bit).astype(np.uint8)
        ids = ids >> 3
    return palette


def colours(ids: tuple[int, ...]) -> UInt8[np.ndarray, "n 3"]:
    """The colour of each id; beyond 255 they repeat without black."""
    return voc_palette()[[(i - 1) % 255 + 1 for i in ids]]


def read_masks(path: Path) -> Masks:
    """Palette, 1-bit, greyscale (ids, or 0 and 255; also saved as RGB) and 16-bit masks.

    255 beside other ids means "ignore" and becomes background; in greyscale only where it is the smaller part, since
    grey edges about white pixels are those of an anti-aliased mask. Raises MaskError naming file and reason.
    """
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.array(image)
    except FileNotFoundError as error:
        raise MaskError(f"{path}: no such file; --masks takes a mask image or a folder of them") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MaskError(f"{path}: not a readable image ({error})") from error
    if mode in ("RGB", "RGBA") and (values[..., :1] == values[..., :3]).all():
        mode, values = "L", values[..., 0]
    if mode not in ("P", "1", "L") and not mode.startswith("I"):
        raise MaskError(f"{path}: an image of mode {mode}; save it as palette or greyscale, one value per object")
    found = np.unique(values)
    if found.max() > 65535:
        raise MaskError(f"{path}: id {found.max()}; ids go up to 65535")
    labels = values.astype(np.uint16)
    if mode in ("P", "L") and found.max() == 255:
        stray = np.count_nonzero((values > 0) & (values < 255))
        if mode == "L" and 0 < stray < np.count_nonzero(values == 255):
            raise MaskError(f"{path}: {stray} pixels between 0 and 255; save the mask without anti-aliasing")
        labels[labels == 255] = 0 if stray else 1
    return Masks(labels, tuple(int(i) for i in np.unique(labels) if i), str(path))


def write_labels(path: Path, labels: UInt16[np.ndarray, "h w"]) -> None:
    """A palette PNG, or 16-bit greyscale beyond id 255; whole or not at all."""
    if labels.max(initial=0) > 255:
        image = Image.fromarray(labels)
    else:
        image = Image.fromarray(labels.astype(np.uint8), mode="P")
        image.putpalette(voc_palette().tobytes())
    partial = path.with_name(f".{path.name}.partial")
    image.save(partial, format="PNG")
    partial.replace(path)
