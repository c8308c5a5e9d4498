"""Contour accuracy F: precision and recall of boundary pixels within a tolerance (Perazzi et al., section 4.1).

The boundary map, the tolerance and the edge cases are those of the DAVIS 2017 toolkit.
"""

import math

import cv2
import numpy as np
from jaxtyping import Bool

TOLERANCE = 0.008
"""Radius of the tolerance as a share of the image diagonal."""


def boundary_map(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels that differ from their east, south or south-east neighbour; the image's border is never a boundary."""
    boundary = np.zeros_like(mask)
    boundary[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    boundary[:-1, :] |= mask[:-1, :] ^ mask[1:, :]
    boundary[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return boundary


def tolerance_radius(height: int, width: int) -> int:
    """Pixels by which a boundary may be off: 8 at 480x854."""
    return math.ceil(TOLERANCE * math.hypot(height, width))


def contour_accuracy(prediction: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """F measure in [0, 1]; 1 where neither mask has a boundary, 0 where only one has."""
    radius = tolerance_radius(*truth.shape)
    steps = np.arange(-radius, radius + 1)
    disk = (steps[:, None] ** 2 + steps**2 <= radius**2).astype(np.uint8)
    ours, theirs = boundary_map(prediction), boundary_map(truth)
    count, wanted = int(np.count_nonzero(ours)), int(np.count_nonzero(theirs))
    if not count or not wanted:
        return float(count == wanted)
    near_theirs = cv2.dilate(theirs.astype(np.uint8), disk) > 0
    near_ours = cv2.dilate(ours.astype(np.uint8), disk) > 0
    precision = int(np.count_nonzero(ours & near_theirs)) / count
    recall = int(np.count_nonzero(theirs & near_ours)) / wanted
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
