"""Geodesic distance: the least colour change on any way through an image from given pixels."""

import numpy as np
from jaxtyping import Bool, Float32, UInt8

STEP = 2.0
"""What a pixel of way costs in a plain region, in units of colour."""


def geodesic(
    image: UInt8[np.ndarray, "h w 3"], seeds: Bool[np.ndarray, "h w"], rounds: int = 4
) -> Float32[np.ndarray, "h w"]:
    """Each pixel's distance from the seeds, infinite where there are none; by sweeps down, up, right and left."""
    values = image.astype(np.float32)
    down = np.linalg.norm(np.diff(values, axis=0), axis=2) + STEP
    right = np.ascontiguousarray(np.linalg.norm(np.diff(values, axis=1), axis=2).T) + STEP
    distance = np.where(seeds, np.float32(0), np.float32(np.inf))
    for _ in range(rounds):
        _sweep(distance, down)
        distance = np.ascontiguousarray(distance.T)
        _sweep(distance, right)
        distance = np.ascontiguousarray(distance.T)
    return distance


def _sweep(distance: np.ndarray, costs: np.ndarray) -> None:
    """Let every row be reached from the one before it, then from the one after it; in place."""
    for row in range(1, len(distance)):
        np.minimum(distance[row], distance[row - 1] + costs[row - 1], out=distance[row])
    for row in range(len(distance) - 2, -1, -1):
        np.minimum(distance[row], distance[row + 1] + costs[row], out=distance[row])
