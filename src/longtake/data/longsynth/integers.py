"""Integers alone: a sine, a root, dice, cloudy noise and smooth paths, exact and thus the same everywhere.

Angles are in 1/1024 of a turn; sines have 12 bits behind the point, roots and shares 10. Shapes: h height, w width.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import isqrt
from typing import TypeVar

import numpy as np
from jaxtyping import Int64, UInt64

T = TypeVar("T")

Grid = Int64[np.ndarray, "h w"]

TURN = 1024
BITS = (1 << 64) - 1

TWO_PI = 7595904947272677161575987
"""The circle's, with 80 bits behind the point."""


def _sines() -> tuple[int, ...]:
    """Sines of a whole turn: Taylor's series for a quarter of it, with 80 bits behind the point."""
    quarter = list[int]()
    for k in range(TURN // 4 + 1):
        angle = TWO_PI * k // TURN
        total, term, n = 0, angle, 1
        while term:
            total += term if n % 4 == 1 else -term
            term = (term * angle >> 80) * angle // (((n + 1) * (n + 2)) << 80)
            n += 2
        quarter.append(total + (1 << 67) >> 68)
    half = quarter + quarter[-2::-1]
    return (*half, *(-value for value in half[1:-1]))


SINES = _sines()

ROOTS: Int64[np.ndarray, "1025"] = np.array([isqrt((1024 - q) * 1024) for q in range(1025)], np.int64)
"""Root of 1 - q."""


def sine(angle: int) -> int:
    """Sine, 12 bits behind the point."""
    return SINES[angle % TURN]


def cosine(angle: int) -> int:
    """Cosine, 12 bits behind the point."""
    return SINES[(angle + TURN // 4) % TURN]


def mixed(value: int) -> int:
    """64 bits that depend on all 64 bits of a value (the finisher of SplitMix64, Steele et al. 2014)."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & BITS
    value = (value ^ value >> 27) * 0x94D049BB133111EB & BITS
    return value ^ value >> 31


def mixed_all(values: UInt64[np.ndarray, "*s"]) -> UInt64[np.ndarray, "*s"]:
    """The same for every number of an array."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    finished: np.ndarray = values ^ values >> np.uint64(31)
    return finished


class Dice:
    """Whole numbers that follow from a seed."""

    def __init__(self, seed: int) -> None:
        self.state = mixed(seed & BITS)

    def bits(self) -> int:
        """64 of them."""
        self.state = self.state + 0x9E3779B97F4A7C15 & BITS
        return mixed(self.state)

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both of them possible."""
        return low + self.bits() % (high - low + 1)

    def choice(self, things: Sequence[T]) -> T:
        """One of several."""
        return things[self.bits() % len(things)]


def noise(salt: int, height: int, width: int, coarsest: int) -> Grid:
    """Clouds from 0 to 255: random lattices of ever finer mesh, each half as strong; it repeats at its borders.

    Height and width are multiples of the coarsest mesh.
    """
    total, mesh = np.zeros((height, width), np.int64), coarsest
    while mesh >= 2:
        rows, columns = height // mesh, width // mesh
        start = mixed(salt + mesh)
        lattice = (mixed_all(np.uint64(start) ^ np.arange(rows * columns, dtype=np.uint64)) >> np.uint64(56)).astype(
            np.int64
        )
        lattice = lattice.reshape(rows, columns)
        (above, below, down), (left, right, across) = _between(height, mesh), _between(width, mesh)
        lines = lattice[above] * (256 - down[:, None]) + lattice[below] * down[:, None]
        total += mesh * (lines[:, left] * (256 - across) + lines[:, right] * across)
        mesh //= 2
    low, high = int(total.min()), int(total.max())
    scaled: np.ndarray = (total - low) * 255 // max(1, high - low)
    return scaled


def _between(length: int, mesh: int) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
    """Of each pixel the mesh point before, the one after, and how much of the one after, of 256."""
    places = np.arange(length, dtype=np.int64)
    share = places % mesh * 256 // mesh
    return places // mesh, (places // mesh + 1) % (length // mesh), share * share * (768 - 2 * share) >> 16


def glide(keys: Sequence[tuple[int, int]], time: int) -> int:
    """A value between keys (time, value) with rising times: it starts and stops softly at each."""
    after = bisect_right(keys, (time, 1 << 62))
    if after in (0, len(keys)):
        return keys[max(0, after - 1)][1]
    (start, first), (end, last) = keys[after - 1], keys[after]
    share = (time - start) * 256 // (end - start)
    return first + ((last - first) * (share * share * (768 - 2 * share) >> 16) >> 8)
