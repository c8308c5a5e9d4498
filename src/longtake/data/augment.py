"""Random geometry and colour for clips, drawn from a generator that is passed in.

A geometry is a 2x3 matrix from source to output pixels, (x, y) order. Images are interpolated, masks never.
Shapes: h height, w width, s side of the square output.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

FILL = (124, 116, 104)
"""The ImageNet mean colour, for what lies outside a frame."""

Matrix = Float[np.ndarray, "2 3"]
Image = UInt8[np.ndarray, "_ _ 3"]
Ids = UInt8[np.ndarray, "_ _"]


@dataclass(frozen=True)
class Wobble:
    """How far single frames move about their clip's common geometry."""

    degrees: float
    shear: float
    zoom: float
    shift: float
    """As a share of the output's side."""


VIDEO = Wobble(degrees=10, shear=5, zoom=0.06, shift=0.03)
STILL = Wobble(degrees=20, shear=12, zoom=0.18, shift=0.12)


def compose(second: Matrix, first: Matrix) -> Matrix:
    """The geometry that applies `first`, then `second`."""
    composed: Matrix = second @ np.vstack([first, [0, 0, 1]])
    return composed


def crop(centre: tuple[float, float], side: float, output: int, flip: bool) -> Matrix:
    """A square window of `side` source pixels about a centre (x, y), brought to `output` pixels."""
    scale = output / side
    across = -scale if flip else scale
    return np.array([[across, 0, output / 2 - across * centre[0]], [0, scale, output / 2 - scale * centre[1]]])


def about_centre(output: int, linear: Float[np.ndarray, "2 2"], shift: Float[np.ndarray, "2"]) -> Matrix:
    """A linear map about the middle of the output, then a shift in pixels."""
    middle = np.full(2, output / 2)
    return np.hstack([linear, (middle + shift - linear @ middle)[:, None]])


def wobble(rng: np.random.Generator, how: Wobble, output: int) -> Matrix:
    """A random small affine map of the output."""
    angle = np.deg2rad(rng.uniform(-how.degrees, how.degrees))
    shear = np.tan(np.deg2rad(rng.uniform(-how.shear, how.shear, 2)))
    zoom = np.exp(rng.uniform(-how.zoom, how.zoom))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = zoom * turn @ np.array([[1, shear[0]], [shear[1], 1]])
    return about_centre(output, linear, rng.uniform(-how.shift, how.shift, 2) * output)


def warp_image(image: np.ndarray, matrix: Matrix, output: int) -> np.ndarray:
    """An image of 3 or 4 channels through a geometry; a transparent surround for 4, the mean colour for 3."""
    if np.sqrt(abs(np.linalg.det(matrix[:, :2]))) < 0.6:
        image, matrix = cv2.pyrDown(image), compose(matrix, np.array([[2.0, 0, 0], [0, 2.0, 0]]))
    fill = (0, 0, 0, 0) if image.shape[2] == 4 else FILL
    return cv2.warpAffine(image, matrix, (output, output), flags=cv2.INTER_LINEAR, borderValue=fill)


def warp_ids(ids: Ids, matrix: Matrix, output: int) -> Ids:
    """Ids through a geometry, nearest neighbour, 0 outside."""
    warped = cv2.warpAffine(ids, matrix, (output, output), flags=cv2.INTER_NEAREST, borderValue=0)
    return warped.astype(np.uint8, copy=False)


def jitter(rng: np.random.Generator, images: Sequence[Image], strength: float = 0.25) -> list[Image]:
    """One random brightness, contrast, saturation and (seldom) blur or greyscale for all frames of a clip."""
    gain, contrast, colour = 1 + rng.uniform(-strength, strength, 3)
    if rng.random() < 0.05:
        colour = 0.0
    sigma = rng.uniform(0.5, 1.5) if rng.random() < 0.1 else 0.0
    return [_recolour(image, gain, contrast, colour, sigma) for image in images]


def _recolour(image: Image, gain: float, contrast: float, colour: float, sigma: float) -> Image:
    if sigma:
        image = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8, copy=False)
    # brightness, contrast about mid-grey and saturation are affine in RGB: one colour matrix does all three
    luma = np.tile(np.array([0.299, 0.587, 0.114]), (3, 1))
    mix = gain * contrast * (colour * np.eye(3) + (1 - colour) * luma)
    offset = np.full((3, 1), 128 * gain * (1 - contrast))
    return cv2.transform(image, np.hstack([mix, offset])).astype(np.uint8, copy=False)
