"""Backgrounds: a wall, a landscape of bands, a floor, or clutter, with many things that stand in it.

Shapes: h height, w width.
"""

from collections.abc import Callable

import cv2
import numpy as np

from longtake.data.procedural.figures import STANDERS, draw_family
from longtake.data.procedural.painting import paint
from longtake.data.procedural.sprites import Sprite, lay, pose
from longtake.data.procedural.textures import (
    Colours,
    Picture,
    draw_patches,
    near_colours,
    noise,
    shaded,
    texture,
    to_rgb,
)


def draw_stander(rng: np.random.Generator, side: int, colours: Colours) -> Sprite:
    """Something that stands in the background."""
    return paint(rng, draw_family(rng, STANDERS)(rng), side, near_colours(rng, colours, 3, rng.choice([6.0, 25.0])))


def draw_ground(rng: np.random.Generator, height: int, width: int, colours: Colours) -> Picture:
    """A background in the given colours, lit unevenly."""
    kinds: tuple[Callable[..., Picture], ...] = (_wall, _land, _clutter, _floor)
    picture = kinds[rng.choice(4, p=[0.15, 0.4, 0.25, 0.2])](rng, height, width, colours)
    _furnish(rng, picture, colours)
    strength = np.float32(rng.choice([0.1, 0.4, 0.8]))
    light = noise(rng, height, width, width * rng.choice([0.2, 0.5]), 0.5, finest=8)
    return shaded(picture, np.float32(1.05) - strength / 4 + strength * (light - np.float32(0.5)))


def _pick(rng: np.random.Generator, colours: Colours) -> Colours:
    base = near_colours(rng, colours, 1, 3)
    return np.concatenate([base, near_colours(rng, base, 2, rng.choice([4.0, 8.0, 14.0]))])


def _scale(rng: np.random.Generator, width: int) -> float:
    return float(width * rng.choice([0.015, 0.03, 0.06, 0.15]))


def _wall(rng: np.random.Generator, height: int, width: int, colours: Colours) -> Picture:
    return texture(rng, height, width, _pick(rng, colours), _scale(rng, width))


def _land(rng: np.random.Generator, height: int, width: int, colours: Colours) -> Picture:
    """Bands from the sky down, with ragged or straight borders."""
    picture = _wall(rng, height, width, colours)
    for level in np.sort(rng.uniform(0.15, 0.8, int(rng.integers(1, 4)))):
        rough = rng.choice([0.0, 0.05, 0.2]) * height
        skyline = noise(rng, 1, width, width / 4, 0.6)[0]
        edge = level * height + rng.normal(0, 0.1) * np.linspace(-1, 1, width) * height + rough * (skyline - 0.5)
        top = int(np.clip(edge.min(), 0, height - 8))
        points = np.concatenate([np.stack([np.arange(width), edge], 1), [[width, height], [0, height]]]) - (0, top)
        band = np.zeros((height - top, width), np.uint8)
        cv2.fillPoly(band, [np.round(points).astype(np.int32)], 255)
        cv2.copyTo(_wall(rng, height - top, width, colours), band, picture[top:])
    return picture


def _floor(rng: np.random.Generator, height: int, width: int, colours: Colours) -> Picture:
    """A wall above a floor that is seen at a slant."""
    picture = _wall(rng, height, width, colours)
    horizon = int(rng.uniform(0.1, 0.7) * height)
    flat = _wall(rng, height, width, colours)
    squeeze = rng.uniform(0.3, 0.48) * width
    source = np.array([[squeeze, 0], [width - squeeze, 0], [width, height], [0, height]], np.float32)
    target = np.array([[0, horizon], [width, horizon], [width, height], [0, height]], np.float32)
    slant = cv2.getPerspectiveTransform(source, target)
    laid = cv2.warpPerspective(flat, slant, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    picture[horizon:] = laid[horizon:]
    return picture


def _clutter(rng: np.random.Generator, height: int, width: int, colours: Colours) -> Picture:
    """Hundreds of patches that hide each other."""
    labels = draw_patches(rng, height, width, width * rng.choice([0.03, 0.06, 0.12]), int(rng.integers(100, 400)))
    table = to_rgb(near_colours(rng, colours, 256, rng.choice([4.0, 10.0]))).astype(np.uint8)
    picture: np.ndarray = cv2.applyColorMap(labels, table[:, None])
    strength = np.float32(rng.choice([0.2, 0.6]))
    light = noise(rng, height, width, _scale(rng, width), 0.8)
    return shaded(picture, np.float32(1) + strength * (light - np.float32(0.5)))


def _furnish(rng: np.random.Generator, picture: Picture, colours: Colours) -> None:
    """Draw a few sprites into the picture, each several times."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.choice(4, p=[0.3, 0.3, 0.25, 0.15]))):
        side = int(width * rng.uniform(0.08, 0.45))
        layer = pose(draw_stander(rng, side, colours), rng.uniform())
        for _ in range(int(rng.choice([1, 2, 5]))):
            size, mirror = rng.uniform(0.7, 1.1), rng.choice([-1.0, 1.0])
            at = np.array([[size * mirror, 0, rng.uniform(0, width)], [0, size, rng.uniform(-0.2, 0.9) * height]])
            lay(picture, layer, at)
