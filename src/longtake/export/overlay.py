"""Masks drawn over their frame, for people to look at."""

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from longtake.video.palette import colours

OPACITY = 0.5
EDGE = (255, 255, 255)


def blend(
    image: UInt8[np.ndarray, "h w 3"], labels: UInt16[np.ndarray, "h w"], ids: tuple[int, ...]
) -> UInt8[np.ndarray, "h w 3"]:
    """The frame with each object tinted in its palette colour and outlined in white."""
    table = np.zeros((int(labels.max(initial=0)) + 1, 3), np.uint8)
    for name, colour in zip(ids, colours(ids), strict=True):
        if name < len(table):
            table[name] = colour
    tinted = cv2.addWeighted(image, 1 - OPACITY, table[labels], OPACITY, 0)
    out = np.where((labels > 0)[:, :, None], tinted, image).astype(np.uint8)
    out[edges(labels)] = EDGE
    return out


def edges(labels: UInt16[np.ndarray, "h w"]) -> np.ndarray:
    """Pixels whose right or lower neighbour holds another id."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    return found
