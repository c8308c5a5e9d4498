"""Cut-outs that move over a clip: new objects, distractors, and look-alikes of the object that is followed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from longtake.data.augment import Ids, Image, compose, warp_image

Cutout = UInt8[np.ndarray, "h w 4"]


@dataclass(frozen=True)
class Drawn:
    """A clip while it is made: frames of one size, their id masks, and masks [p, h, w] of what was proposed in each.

    proposals: None where nobody looked for any.
    """

    images: list[Image]
    ids: list[Ids]
    proposals: list[UInt8[np.ndarray, "_ _ _"]] | None = None


def cut(image: Image, mask: np.ndarray) -> Cutout:
    """An object as RGB and alpha, cropped to its box."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    span = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.dstack([image[span], mask[span].astype(np.uint8) * 255])


def paste(rng: np.random.Generator, clip: Drawn, cutout: Cutout, name: int, side: float) -> None:
    """Draw a cut-out of about `side` pixels over all frames, along a random smooth path, under id `name` (0: none)."""
    height, width = size = clip.ids[0].shape
    place, speed = rng.uniform(0, 1, 2) * (width, height), rng.normal(0, 0.05 * min(size), 2)
    angle, turning = np.deg2rad(rng.normal(0, 12)), np.deg2rad(rng.normal(0, 8))
    scale, growth = side / max(cutout.shape[:2]), np.exp(rng.normal(0, 0.05))
    flip = rng.choice([-1.0, 1.0])
    # colours weighted by alpha before they are interpolated, or edges would turn dark
    weighted = cutout.copy()
    weighted[:, :, :3] = (cutout[:, :, :3] * (cutout[:, :, 3:] / 255)).astype(np.uint8)
    for t, (image, ids) in enumerate(zip(clip.images, clip.ids, strict=True)):
        matrix = _placed(cutout, scale * growth**t, angle + turning * t, flip, place + speed * t)
        layer = warp_image(weighted, matrix, size)
        alpha = layer[:, :, 3:].astype(np.float32) / 255
        clip.images[t] = (image * (1 - alpha) + layer[:, :, :3]).astype(np.uint8)
        clip.ids[t] = np.where(alpha[:, :, 0] > 0.5, np.uint8(name), ids)


def _placed(cutout: Cutout, size: float, angle: float, flip: float, place: np.ndarray) -> np.ndarray:
    height, width = cutout.shape[:2]
    to_origin = np.array([[1.0, 0, -width / 2], [0, 1.0, -height / 2]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return compose(np.hstack([size * turn @ np.diag([flip, 1.0]), place[:, None]]), to_origin)
