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
        raise MissingExtraError("pycocotools", "coco") from error
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


def drawn(segmentation: Any, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """A mask in any form that COCO has: polygons, or run lengths whose `counts` are numbers or text.

    size: height and width. Raises ValueError where it is damaged or of another size.
    """
    if isinstance(segmentation, list):
        least, most = -max(size), 2 * max(size)  # beyond the picture a corner changes nothing, but would cost memory
        corners = [np.array(ring, np.float64) for ring in segmentation if len(ring) >= 6 and len(ring) % 2 == 0]
        rings = [np.clip(np.nan_to_num(ring), least, most).tolist() for ring in corners]
        return inside(tools().merge(tools().frPyObjects(rings, *size))) if rings else np.zeros(size, bool)
    counts, own = segmentation["counts"], tuple(segmentation["size"])
    if own != size:
        raise ValueError(f"a mask of {own[1]}x{own[0]} pixels in a picture of {size[1]}x{size[0]}")
    if not isinstance(counts, str):
        if sum(counts) != size[0] * size[1]:
            raise ValueError(f"run lengths of {sum(counts)} pixels for a picture of {size[1]}x{size[0]}")
        return inside(tools().frPyObjects({"size": list(size), "counts": counts}, *size))
    return inside({"size": list(size), "counts": counts.encode("ascii")})


def run_lengths(mask: Bool[np.ndarray, "h w"]) -> dict[str, Any]:
    """A mask as JSON takes it: `size` [h, w] and compressed `counts` as text."""
    lengths: dict[str, Any] = tools().encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in lengths["size"]], "counts": lengths["counts"].decode("ascii")}
