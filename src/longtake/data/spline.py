"""Geometries that take a picture to a frame of a clip: an affine map, or one bent by a thin-plate spline.

Both sample image and ids once, from the source. Shapes: h, w the size of the output.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from longtake.data.augment import Ids, Matrix, compose, fill_of, from_reduced, scale_of, shrunk, warp_ids, warp_image
from longtake.errors import MissingExtraError

STEP = 8
"""Pixels between the points at which a spline is evaluated; it is smooth enough to be interpolated between them."""

Shift = Float32[np.ndarray, "h w 2"]


@dataclass(frozen=True)
class Warp(ABC):
    """A geometry from source to output pixels. size: height and width of the output."""

    matrix: Matrix
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """Source pixels per output pixel."""
        return scale_of(self.matrix)

    @abstractmethod
    def image(self, image: np.ndarray, reduce: int = 1) -> np.ndarray:
        """An image of 3 or 4 channels, decoded at 1/reduce of its size, interpolated; filled outside (`fill_of`)."""

    @abstractmethod
    def ids(self, ids: Ids) -> Ids:
        """Ids at full size, never interpolated; 0 outside."""


@dataclass(frozen=True)
class Affine(Warp):
    """The matrix alone."""

    def image(self, image: np.ndarray, reduce: int = 1) -> np.ndarray:
        return warp_image(image, compose(self.matrix, from_reduced(reduce)), self.size)

    def ids(self, ids: Ids) -> Ids:
        return warp_ids(ids, self.matrix, self.size)


@dataclass(frozen=True)
class Bent(Warp):
    """The matrix, after which an output pixel p shows what would be at p + shift[p]."""

    shift: Shift

    def image(self, image: np.ndarray, reduce: int = 1) -> np.ndarray:
        image, matrix = shrunk(image, compose(self.matrix, from_reduced(reduce)))
        warped: np.ndarray = cv2.remap(image, *self._sources(matrix), cv2.INTER_LINEAR, borderValue=fill_of(image))
        return warped

    def ids(self, ids: Ids) -> Ids:
        warped = cv2.remap(ids, *self._sources(self.matrix), cv2.INTER_NEAREST, borderValue=0)
        return warped.astype(np.uint8, copy=False)

    def _sources(self, matrix: Matrix) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
        """The x and the y in the source of what each output pixel shows."""
        height, width = self.size
        places = self.shift + np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
        x, y = cv2.split(cv2.transform(places, cv2.invertAffineTransform(matrix)))
        return x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)


def draw_warp(rng: np.random.Generator, matrix: Matrix, size: tuple[int, int], chance: float = 0.33) -> Warp:
    """A geometry that is bent with a probability (STCN's still images). Raises MissingExtraError."""
    return bend(rng, matrix, size) if rng.random() < chance else Affine(matrix, size)


def bend(
    rng: np.random.Generator, matrix: Matrix, size: tuple[int, int], points: int = 12, sigma: float = 0.02
) -> Bent:
    """A geometry bent by moving random points; sigma: how far, as a share of height and width (STCN: 12, 0.02).

    Raises MissingExtraError where scipy is not installed.
    """
    try:
        from scipy.interpolate import RBFInterpolator
    except ImportError as error:
        raise MissingExtraError("scipy", "train") from error
    places, moves = rng.uniform(0, 1, (points, 2)), rng.normal(0, sigma, (points, 2))
    spline = RBFInterpolator(places, moves, kernel="thin_plate_spline", degree=1)
    height, width = size
    across, down = np.arange(0, width + STEP, STEP), np.arange(0, height + STEP, STEP)
    nodes = np.dstack(np.meshgrid(across / width, down / height))
    coarse = (spline(nodes.reshape(-1, 2)) * [width, height]).reshape(nodes.shape).astype(np.float32)
    enlarge = np.array([[STEP, 0, 0], [0, STEP, 0]], np.float64)
    return Bent(matrix, size, cv2.warpAffine(coarse, enlarge, (width, height)).astype(np.float32, copy=False))
