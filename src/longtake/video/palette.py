"""The colours of ids, as PASCAL VOC has them, and mask images written with them."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8, UInt16
from PIL import Image

from longtake.video.whole import whole


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


def write_labels(path: Path, labels: UInt16[np.ndarray, "h w"]) -> None:
    """A palette PNG, or 16-bit greyscale from id 255 on (which means "ignore" in palettes); whole or not at all."""
    image = Image.fromarray(labels) if labels.max(initial=0) > 254 else palette_image(labels)
    with whole(path) as partial:
        image.save(partial, format="PNG")


def palette_image(labels: Shaped[np.ndarray, "h w"]) -> Image.Image:
    """Ids up to 254 as the 8-bit values of an image in the colours of PASCAL VOC."""
    image = Image.fromarray(labels.astype(np.uint8), mode="P")
    image.putpalette(voc_palette().tobytes())
    return image
