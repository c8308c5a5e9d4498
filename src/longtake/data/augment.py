"""Random geometry and colour for clips, drawn from a generator that is passed in.

A geometry is a 2x3 matrix from source to output pixels, (x, y) order. Images are interpolated, masks never.
Shapes: h height, w width. A size is height and width of the output. Pixel (0, 0) has its centre at (0, 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

FILL = (124, 116, 104)
"""The ImageNet mean colour, for what lies outside a frame."""

Size = tuple[int, int]
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
    """As a share of the output's short side."""

    def times(self, share: float) -> "Wobble":
        """So much of it."""
        return Wobble(self.degrees * share, self.shear * share, self.zoom * share, self.shift * share)


VIDEO = Wobble(degrees=10, shear=5, zoom=0.06, shift=0.03)
STILL = Wobble(degrees=20, shear=12, zoom=0.18, shift=0.12)


def compose(second: Matrix, first: Matrix) -> Matrix:
    """The geometry that applies `first`, then `second`."""
    composed: Matrix = second @ np.vstack([first, [0, 0, 1]])
    return composed


def crop(centre: tuple[float, float], side: float, size: Size, flip: bool) -> Matrix:
    """A window about a centre (x, y) whose short side takes `side` source pixels, brought to the output."""
    height, width = size
    scale = min(size) / side
    across = -scale if flip else scale
    return np.array([[across, 0, width / 2 - across * centre[0]], [0, scale, height / 2 - scale * centre[1]]])


def about_centre(size: Size, linear: Float[np.ndarray, "2 2"], shift: Float[np.ndarray, "2"]) -> Matrix:
    """A linear map about the middle of the output, then a shift (x, y) in pixels."""
    middle = np.array([size[1] / 2, size[0] / 2])
    return np.hstack([linear, (middle + shift - linear @ middle)[:, None]])


def wobble(rng: np.random.Generator, how: Wobble, size: Size) -> Matrix:
    """A random small affine map of the output."""
    angle = np.deg2rad(rng.uniform(-how.degrees, how.degrees))
    shear = np.tan(np.deg2rad(rng.uniform(-how.shear, how.shear, 2)))
    zoom = np.exp(rng.uniform(-how.zoom, how.zoom))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = zoom * turn @ np.array([[1, shear[0]], [shear[1], 1]])
    return about_centre(size, linear, rng.uniform(-how.shift, how.shift, 2) * min(size))


def scale_of(matrix: Matrix) -> float:
    """Source pixels per output pixel, along a side; see `longtake.data.images.reduction`."""
    return float(1 / np.sqrt(max(abs(np.linalg.det(matrix[:, :2])), 1e-12)))


def from_reduced(reduce: int) -> Matrix:
    """From the pixels of an image decoded at 1/reduce of its size to those of the whole image."""
    middle = (reduce - 1) / 2
    return np.array([[reduce, 0, middle], [0, reduce, middle]], np.float64)


def shrunk(image: np.ndarray, matrix: Matrix) -> tuple[np.ndarray, Matrix]:
    """An image halved until its geometry reduces it by little, or fine detail would flicker; and the rest of that."""
    while scale_of(matrix) > 1 / 0.6 and min(image.shape[:2]) > 1:
        # pyrDown smooths about every other pixel, the first one included
        image, matrix = cv2.pyrDown(image), compose(matrix, np.array([[2.0, 0, 0], [0, 2.0, 0]]))
    return image, matrix


def fill_of(image: np.ndarray) -> tuple[int, ...]:
    """What lies outside an image: a transparent surround for 4 channels, the mean colour for 3."""
    return (0, 0, 0, 0) if image.shape[2] == 4 else FILL


def warp_image(image: np.ndarray, matrix: Matrix, size: Size) -> np.ndarray:
    """An image of 3 or 4 channels through a geometry, with `fill_of` outside."""
    image, matrix = shrunk(image, matrix)
    return cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=fill_of(image))


def warp_ids(ids: Ids, matrix: Matrix, size: Size) -> Ids:
    """Ids through a geometry, nearest neighbour, 0 outside."""
    warped = cv2.warpAffine(ids, matrix, size[::-1], flags=cv2.INTER_NEAREST, borderValue=0)
    return warped.astype(np.uint8, copy=False)


def jitter(rng: np.random.Generator, images: Sequence[Image], clip: float = 0.25, frame: float = 0.0) -> list[Image]:
    """Random brightness, contrast and saturation, of the clip and (less) of each frame; seldom one blur, or grey."""
    common = 1 + rng.uniform(-clip, clip, 3)
    if rng.random() < 0.05:
        common[2] = 0
    sigma = rng.uniform(0.5, 1.5) if rng.random() < 0.1 else 0.0
    own = 1 + rng.uniform(-frame, frame, (len(images), 3))
    return [_recolour(image, common * change, sigma) for image, change in zip(images, own, strict=True)]


def _recolour(image: Image, change: Float[np.ndarray, "3"], sigma: float) -> Image:
    gain, contrast, colour = change
    if sigma:
        image = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8, copy=False)
    # brightness, contrast about mid-grey and saturation are affine in RGB: one colour matrix does all three
    luma = np.tile(np.array([0.299, 0.587, 0.114]), (3, 1))
    mix = gain * contrast * (colour * np.eye(3) + (1 - colour) * luma)
    offset = np.full((3, 1), 128 * gain * (1 - contrast))
    return cv2.transform(image, np.hstack([mix, offset])).astype(np.uint8, copy=False)
