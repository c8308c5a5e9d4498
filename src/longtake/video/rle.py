"""Masks as run lengths, read and written by pycocotools."""

import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Bool

from longtake.errors import MissingExtraError


def tools() -> ModuleType:
    """The mask functions of pycocotools. Raises MissingExtraError."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingExtraError("pycocotools", "train") from error
    found: ModuleType = mask
    return found


def inside(lengths: Mapping[str, Any]) -> Bool[np.ndarray, "h w"]:
    """What run lengths cover; `counts` compressed. Raises ValueError where they are damaged."""
    with warnings.catch_warnings():  # pycocotools hands its arrays over as NumPy 1 wanted them
        warnings.simplefilter("ignore", DeprecationWarning)
        found: np.ndarray = tools().decode(lengths) > 0
    if np.count_nonzero(found) != int(tools().area(lengths)):  # what lengths leave over is not initialised
        raise ValueError("run lengths that do not fill the picture")
    return found


def run_lengths(mask: Bool[np.ndarray, "h w"]) -> dict[str, Any]:
    """A mask as JSON takes it: `size` [h, w] and compressed `counts` as text."""
    lengths: dict[str, Any] = tools().encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in lengths["size"]], "counts": lengths["counts"].decode("ascii")}
