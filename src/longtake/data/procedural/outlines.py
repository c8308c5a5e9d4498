"""Closed curves: blobs, polygons, limbs, rings, boxes. Unit: the side of the square that holds a figure.

Shapes: n points, each (x, y), y down.
"""

import math

import numpy as np
from jaxtyping import Float

Outline = Float[np.ndarray, "_ 2"]
Point = tuple[float, float]
HALF_CIRCLE = np.stack([-np.cos(np.linspace(-1.57, 1.57, 7)), -np.sin(np.linspace(-1.57, 1.57, 7))], axis=1)
"""The end of a stroke that goes to the right, from its upper to its lower side."""


def blob(rng: np.random.Generator, centre: Point, radii: Point, rough: float = 0.0, corners: int = 40) -> Outline:
    """An ellipse whose radius wobbles smoothly; rough 0 leaves the ellipse."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    orders = np.arange(2, 8)[:, None]
    weights = rng.normal(0, 1, (6, 1)) * rough / orders
    reach = np.maximum(1 + (weights * np.cos(orders * angles + rng.uniform(0, 7, (6, 1)))).sum(axis=0), 0.25)
    return _around(centre, radii, reach, angles)


def polygon(rng: np.random.Generator, centre: Point, radii: Point) -> Outline:
    """Corners at random angles and distances: convex, star-like or ragged."""
    corners = int(rng.integers(3, 11))
    angles = (np.arange(corners) + rng.uniform(-0.35, 0.35, corners)) * 2 * np.pi / corners + rng.uniform(0, 7)
    return _around(centre, radii, rng.uniform(rng.choice([0.35, 0.8]), 1, corners), angles)


def _around(centre: Point, radii: Point, reach: np.ndarray, angles: np.ndarray) -> Outline:
    return np.stack([centre[0] + radii[0] * reach * np.cos(angles), centre[1] + radii[1] * reach * np.sin(angles)], 1)


def limb(start: Point, end: Point, thick: float, thin: float) -> Outline:
    """A tapered stroke with round ends; `thick` and `thin` are radii."""
    heading = math.atan2(end[1] - start[1], end[0] - start[0])
    cos, sin = math.cos(heading), math.sin(heading)
    back = HALF_CIRCLE @ np.array([[cos, sin], [-sin, cos]])
    return np.concatenate([thick * back + start, end - thin * back])


def ring(centre: Point, radius: float, thick: float) -> Outline:
    """A circle with a round hole: its outer and inner edge, joined by a slit without width."""
    angles = np.linspace(0, 2 * np.pi, 33)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([radius * circle, (radius - thick) * circle[::-1]]) + centre


def box(left: float, top: float, right: float, bottom: float, lean: float = 0.0) -> Outline:
    """A box whose top edge is shorter by `lean` at either end."""
    return np.array([[left + lean, top], [right - lean, top], [right, bottom], [left, bottom]])
