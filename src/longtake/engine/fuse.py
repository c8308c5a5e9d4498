"""Two predictions of a frame, from a given frame before it and from one after it, made one."""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float32, UInt16


def fuse(
    forward: tuple[UInt16[np.ndarray, "h w"], Float32[np.ndarray, "h w"]],
    backward: tuple[UInt16[np.ndarray, "h w"], Float32[np.ndarray, "h w"]],
    place: float,
    known: tuple[Collection[int], Collection[int]],
) -> tuple[UInt16[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Ids and their certainty, each pixel's by distance and confidence.

    A direction counts by how certain it is times how near the frame lies to where it began. Where one takes a pixel for
    an object that the other does not know of, it is believed.

    forward, backward: ids and certainty in [0, 1] of each. place: 0 at the frame where forward began, 1 at that of
    backward. known: the ids that each follows.
    """
    (ids_forward, sure_forward), (ids_backward, sure_backward) = forward, backward
    weight_forward, weight_backward = sure_forward * np.float32(1 - place), sure_backward * np.float32(place)
    only_forward = np.isin(ids_forward, [name for name in known[0] if name not in known[1]])
    only_backward = np.isin(ids_backward, [name for name in known[1] if name not in known[0]])
    later = np.where(only_forward | only_backward, only_backward & ~only_forward, weight_backward > weight_forward)
    certainty = np.where(
        ids_forward == ids_backward, weight_forward + weight_backward, np.where(later, sure_backward, sure_forward)
    )
    return np.where(later, ids_backward, ids_forward), certainty.astype(np.float32)
