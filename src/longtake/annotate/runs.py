"""Masks as run lengths, row by row, which is how page and server send them.

Shapes: h, w the size of a frame, or of a rectangle in it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt16

from longtake.errors import MaskError


def encode_labels(labels: UInt16[np.ndarray, "h w"]) -> list[int]:
    """An id and how many pixels have it, over and over."""
    flat = labels.reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    pairs = np.stack((flat[starts], np.diff(starts, append=flat.size)), axis=1)
    found: list[int] = pairs.reshape(-1).tolist()
    return found


def encode_mask(mask: Bool[np.ndarray, "h w"]) -> list[int]:
    """How many pixels lie outside, then inside, then outside, and so on; the first may be 0."""
    flat = mask.reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths: list[int] = np.diff(starts, append=flat.size).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def decode_mask(runs: Sequence[int], height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """The mask of `encode_mask`. Raises MaskError where the runs are not of this size."""
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise MaskError(f"runs of {sum(runs)} pixels in a rectangle of {width}x{height}; they must cover it")
    return np.repeat(np.arange(len(runs)) % 2 == 1, np.array(runs, np.int64)).reshape(height, width)
