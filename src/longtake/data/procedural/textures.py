"""Colours and textures: noise at many scales, stripes, checks, spots, patches, gradients, almost plain.

Colours are CIE Lab while they are drawn (so that "similar" means similar to the eye) and RGB once painted.
Shapes: h height, w width, n colours, c channels.
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

Field = Float32[np.ndarray, "h w"]
"""A pattern in [0, 1]."""
Picture = UInt8[np.ndarray, "h w 3"]
Colours = Float32[np.ndarray, "_ 3"]
"""Lab: lightness in 0..100, then a and b."""


def draw_colours(rng: np.random.Generator, count: int) -> Colours:
    """Colours as they are found in photographs: any lightness, mostly dull, seldom vivid, often earth, green or sky."""
    natural = rng.normal((1.1, 2.0, 4.6), (0.3, 0.3, 0.4), (count, 3))[np.arange(count), rng.integers(3, size=count)]
    hue = np.where(rng.random(count) < 0.65, natural, rng.uniform(0, 2 * np.pi, count))
    chroma = np.minimum(rng.gamma(1.1, 10, count), 85)
    colours: np.ndarray = np.stack([rng.uniform(8, 96, count), chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    return colours.astype(np.float32)


DARKEST, LIGHTEST = np.array([[2, -100, -100], [98, 100, 100]], np.float32)
SPREAD = np.array([1.5, 1, 1], np.float32)
"""Lightness varies more than hue."""


def near_colours(rng: np.random.Generator, colours: Colours, count: int, spread: float) -> Colours:
    """Colours close to some of the given ones; `spread` is in Lab units."""
    chosen = colours[rng.integers(len(colours), size=count)]
    shifted = chosen + rng.standard_normal((count, 3), np.float32) * (np.float32(spread) * SPREAD)
    near: np.ndarray = np.minimum(np.maximum(shifted, DARKEST), LIGHTEST)
    return near


def to_rgb(colours: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """The colours as RGB in 0..255."""
    rgb: np.ndarray = cv2.cvtColor(np.ascontiguousarray(colours[None]), cv2.COLOR_Lab2RGB)[0]
    return np.clip(np.float32(255) * rgb, 0, 255).astype(np.float32, copy=False)


def noise(
    rng: np.random.Generator, height: int, width: int, coarsest: float, fade: float = 0.6, finest: float = 2
) -> Field:
    """Cloudy noise: cells of `coarsest` pixels, then halved again and again, each weaker by `fade`."""
    cell, weight = max(coarsest, finest), np.float32(1)
    total: np.ndarray = rng.random(_cells(height, width, cell), np.float32)
    while cell / 2 >= finest:
        cell, weight = cell / 2, weight * np.float32(fade)
        rows, columns = _cells(height, width, cell)
        total = cv2.resize(total, (columns, rows)) + weight * rng.random((rows, columns), np.float32)
    # large cells show the kinks of linear interpolation, small ones do not
    total = cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC if cell > 4 else cv2.INTER_LINEAR)
    low, high = float(total.min()), float(total.max())
    return (total - np.float32(low)) * np.float32(1 / max(high - low, 1e-6))


def _cells(height: int, width: int, cell: float) -> tuple[int, int]:
    return int(height / cell) + 2, int(width / cell) + 2


def _cloud(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    return noise(rng, height, width, scale * rng.choice([0.5, 2.0, 4.0]), rng.uniform(0.45, 0.95))


def _streaks(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    """Noise drawn out along one axis: grass, bark, wood, water, brushed metal."""
    stretch = int(rng.choice([3, 6]))
    if rng.random() < 0.6:
        field = noise(rng, max(height // stretch, 2), width, scale / 2, 0.9)
    else:
        field = noise(rng, height, max(width // stretch, 2), scale / 2, 0.9)
    streaks: np.ndarray = cv2.resize(field, (width, height))
    return streaks


def _waves(rng: np.random.Generator, height: int, width: int, scale: float, angle: float) -> Field:
    """A wave across the picture, bent by noise."""
    turn = 2 * np.pi / scale
    across = np.arange(width, dtype=np.float32) * np.float32(turn * np.cos(angle))
    down = np.arange(height, dtype=np.float32) * np.float32(turn * np.sin(angle))
    phase = down[:, None] + across
    bend = np.float32(rng.choice([0, 2, 7]))
    if bend:
        phase = phase + bend * noise(rng, height, width, 3 * scale, finest=8)
    waves: np.ndarray = np.sin(phase + np.float32(rng.uniform(0, 6)))
    return waves


def _stripes(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    angle = rng.choice([0, np.pi / 2]) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    return _sharpened(rng, _waves(rng, height, width, scale, angle))


def _checks(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    angle = rng.uniform(0, np.pi)
    first = _waves(rng, height, width, scale, angle)
    return _sharpened(rng, first * _waves(rng, height, width, scale, angle + np.pi / 2))


def _sharpened(rng: np.random.Generator, wave: Field) -> Field:
    sharp: np.ndarray = np.float32(rng.choice([0.5, 1.5, 5])) * wave + np.float32(0.5 + rng.uniform(-0.3, 0.3))
    return np.clip(sharp, 0, 1, out=sharp)


def _spots(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    cloud = noise(rng, height, width, scale, 0.3, max(2, scale / 3))
    spots: np.ndarray = (cloud - np.float32(rng.uniform(0.35, 0.65))) * np.float32(rng.choice([4, 15]))
    spots += np.float32(0.5)
    return np.clip(spots, 0, 1, out=spots)


def _gradient(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    angle = rng.uniform(0, 2 * np.pi)
    across = np.linspace(-0.35, 0.35, width, dtype=np.float32) * np.float32(np.cos(angle))
    down = np.linspace(-0.35, 0.35, height, dtype=np.float32) * np.float32(np.sin(angle))
    return down[:, None] + across + np.float32(0.5)


def _plain(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    return noise(rng, height, width, 4 * scale, 0.4, finest=4) * np.float32(0.25)


def _patches(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    """Many patches over each other, sizes by a power law (the "dead leaves" statistics of photographs)."""
    return draw_patches(rng, height, width, scale, 60).astype(np.float32) / np.float32(255)


def draw_patches(
    rng: np.random.Generator, height: int, width: int, scale: float, count: int
) -> UInt8[np.ndarray, "h w"]:
    """Patches with random labels in 0..255, from about `scale` / 3 to 3 `scale` pixels."""
    labels = np.full((height, width), rng.integers(256), np.uint8)
    radii = np.minimum(scale / 3 * rng.uniform(0.01, 1, count) ** -0.6, 3 * scale)
    places = rng.uniform(0, 1, (count, 2)) * (width, height)
    corners = int(rng.integers(3, 9))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 6, (count, 1))
    reach = radii[:, None] * rng.uniform(0.5, 1.1, (count, corners))
    points = places[:, None] + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=2)
    for shape, value in zip(np.round(points).astype(np.int32), rng.integers(256, size=count), strict=True):
        cv2.fillPoly(labels, [shape], int(value))
    return labels


PATTERNS: tuple[tuple[float, Callable[[np.random.Generator, int, int, float], Field]], ...] = (
    (0.24, _cloud),
    (0.10, _streaks),
    (0.09, _stripes),
    (0.05, _checks),
    (0.12, _spots),
    (0.08, _gradient),
    (0.18, _plain),
    (0.14, _patches),
)
WEIGHTS = np.array([weight for weight, _ in PATTERNS])


def texture(rng: np.random.Generator, height: int, width: int, colours: Colours, scale: float) -> Picture:
    """A random pattern in the given colours; `scale` is the size of its features in pixels."""
    pattern = PATTERNS[rng.choice(len(PATTERNS), p=WEIGHTS)][1]
    field = pattern(rng, height, width, max(scale, 3.0))
    picture: np.ndarray = cv2.applyColorMap((field * np.float32(255)).astype(np.uint8), _ramp(rng, colours))
    strength = (0.0, 0.0, 0.15, 0.35)[rng.integers(4)]
    return grained(rng, picture, strength) if strength else picture


def _ramp(rng: np.random.Generator, colours: Colours) -> UInt8[np.ndarray, "256 1 3"]:
    """From pattern to colour, through all the colours in turn, smooth or in steps."""
    rgb, count = to_rgb(colours), len(colours)
    if rng.random() < 0.3:
        return rgb[np.arange(256) * count // 256].astype(np.uint8)[:, None]
    ramp: np.ndarray = cv2.resize(rgb[:, None], (1, 256), interpolation=cv2.INTER_LINEAR)
    return ramp.astype(np.uint8).reshape(256, 1, 3)


def grained(rng: np.random.Generator, picture: Picture, strength: float) -> Picture:
    """The picture with fine light and dark grain."""
    height, width = picture.shape[:2]
    grain = noise(rng, height, width, rng.choice([2.0, 4.0, 8.0]), 0.8, finest=1.5)
    return shaded(picture, np.float32(1 - strength / 2) + np.float32(strength) * grain)


def shaded(picture: UInt8[np.ndarray, "h w 3"], light: Field) -> UInt8[np.ndarray, "h w 3"]:
    """The picture times the light, which is taken within 0..2."""
    bright = cv2.convertScaleAbs(np.maximum(light, 0), alpha=128)
    lit: np.ndarray = cv2.multiply(picture, cv2.merge([bright] * 3), scale=1 / 128)
    return lit


def blurred(picture: UInt8[np.ndarray, "h w *c"], sigma: float) -> UInt8[np.ndarray, "h w *c"]:
    """A Gaussian blur; a strong one is done on a smaller picture, which is much faster and looks the same."""
    shrink = max(1, int(sigma / 1.5))
    height, width = picture.shape[:2]
    small: np.ndarray = picture
    if shrink > 1:
        small = cv2.resize(picture, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / shrink, 0.4))
    return cv2.resize(small, (width, height)) if shrink > 1 else small
