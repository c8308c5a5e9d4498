"""Rendered clips whose every mask is known: textured objects that move, turn, cast shadows and hide each other.

The demo's clip is `demo_clip`; tests render smaller ones. Everything follows from a seed.
Shapes: h height, w width.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

Layer = Float32[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Actor:
    """An object: its radius, texture and path. at(time) in [0, 1] gives x, y (share of the frame) and the angle."""

    name: int
    radius: float
    corners: int
    hues: tuple[tuple[int, int, int], tuple[int, int, int]]
    start: tuple[float, float]
    end: tuple[float, float]
    bounce: float = 0.0
    spin: float = 0.0
    """Degrees over the clip."""

    def at(self, time: float) -> tuple[float, float, float]:
        """Place and angle at a time."""
        x = self.start[0] + (self.end[0] - self.start[0]) * time
        y = self.start[1] + (self.end[1] - self.start[1]) * time
        return x, y - self.bounce * abs(math.sin(3 * math.pi * time)), self.spin * time


@dataclass(frozen=True)
class Leaver(Actor):
    """An object that leaves the frame on one side, and comes back."""

    def at(self, time: float) -> tuple[float, float, float]:
        x, y, angle = super().at(0.0)
        away = math.sin(math.pi * time) ** 2
        return x + (self.end[0] - self.start[0]) * away, y, angle + 20 * math.sin(6 * math.pi * time)


@dataclass(frozen=True)
class Walker(Actor):
    """An object that goes from place to place: its way is times, rising, with x and y; its start and end are unused."""

    way: tuple[tuple[float, float, float], ...] = ()

    def at(self, time: float) -> tuple[float, float, float]:
        times, across, down = np.array(self.way).T
        return float(np.interp(time, times, across)), float(np.interp(time, times, down)), self.spin * time


DEMO_ACTORS = (
    Actor(1, 0.15, 5, ((196, 62, 48), (242, 187, 66)), (0.12, 0.62), (0.86, 0.56), bounce=0.10, spin=200),
    Actor(2, 0.20, 9, ((44, 110, 73), (176, 208, 120)), (0.56, 0.66), (0.44, 0.64), spin=-25),
    Leaver(3, 0.12, 3, ((58, 76, 160), (222, 226, 238)), (0.80, 0.28), (1.25, 0.28)),
)
"""A star that passes behind a leaf-green blob, and a blue triangle that leaves and returns."""


def demo_clip(
    frames: int = 60, height: int = 360, width: int = 640, seed: int = 7
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]]:
    """Frames and id masks of the demo: camera shake, shadows, an object behind another, one that leaves and returns."""
    return render(DEMO_ACTORS, frames, height, width, seed)


def render(
    actors: tuple[Actor, ...], frames: int, height: int, width: int, seed: int
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]]:
    """Frames and id masks; later actors are in front of earlier ones."""
    rng = np.random.default_rng(seed)
    margin = max(4, height // 20)
    ground = _ground(rng, height + 2 * margin, width + 2 * margin)
    skins = [_skin(rng, actor, round(4 * actor.radius * height)) for actor in actors]
    shake = cv2.GaussianBlur(rng.normal(0, 1, (frames, 1, 2)).astype(np.float32), (1, 9), 2)[:, 0]
    for t in range(frames):
        dx, dy = (float(d) for d in np.clip(shake[t] * margin, -margin, margin))
        move = np.array([[1, 0, -margin + dx], [0, 1, -margin + dy]])
        image = cv2.warpAffine(ground, move, (width, height), flags=cv2.INTER_LINEAR).astype(np.float32)
        ids = np.zeros((height, width), np.uint8)
        for actor, skin in zip(actors, skins, strict=True):
            x, y, angle = actor.at(t / max(1, frames - 1))
            centre = (x * width + dx, y * height + dy)
            image, ids = _draw(image, ids, skin, centre, angle, actor.name)
        grain = rng.normal(0, 2.0, (height, width, 1))
        yield np.clip(image + grain, 0, 255).astype(np.uint8), ids


def _noise(rng: np.random.Generator, height: int, width: int, coarsest: int) -> Float32[np.ndarray, "h w"]:
    """Cloudy texture in [0, 1]: noise at several scales."""
    total = np.zeros((height, width), np.float32)
    scale = coarsest
    while scale >= 2:
        grid = rng.random((height // scale + 2, width // scale + 2)).astype(np.float32)
        total += scale * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        scale //= 2
    low, high = total.min(), total.max()
    scaled: np.ndarray = (total - low) / (high - low)
    return scaled


def _ground(rng: np.random.Generator, height: int, width: int) -> Layer:
    """A wall above a floor of planks, both textured."""
    wall = np.array((150, 160, 170), np.float32) * (0.55 + 0.5 * _noise(rng, height, width, height // 4)[..., None])
    floor = np.array((150, 118, 86), np.float32) * (0.5 + 0.6 * _noise(rng, height, width, height // 8)[..., None])
    rows, columns = np.mgrid[:height, :width]
    depth = np.maximum(rows / height - 0.5, 0.01)
    planks = ((columns - width / 2) / depth / width * 6).astype(int) % 2
    floor = floor * (0.9 + 0.2 * planks[..., None])
    return np.where((rows > 0.55 * height)[..., None], floor, wall).astype(np.float32)


def _skin(rng: np.random.Generator, actor: Actor, side: int) -> UInt8[np.ndarray, "s s 4"]:
    """An object's texture and exact alpha, on a square of `side` pixels."""
    side = max(side, 16)
    angles = np.linspace(0, 2 * np.pi, 2 * actor.corners, endpoint=False)
    radii = np.where(np.arange(2 * actor.corners) % 2, 0.62, 1.0) * side / 4
    points = np.stack([side / 2 + radii * np.cos(angles), side / 2 + radii * np.sin(angles)], axis=1)
    alpha = np.zeros((side, side), np.uint8)
    cv2.fillPoly(alpha, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    cloud = _noise(rng, side, side, max(4, side // 4))
    stripes = 0.5 + 0.5 * np.sin(np.mgrid[:side, :side][0] * 2 * np.pi * 6 / side + 5 * cloud)
    first, second = (np.array(hue, np.float32) for hue in actor.hues)
    colour = first + (second - first) * (stripes > 0.6)[..., None]
    light = 0.7 + 0.5 * cloud[..., None]
    return np.dstack([np.clip(colour * light, 0, 255).astype(np.uint8), alpha])


def _draw(
    image: Layer,
    ids: UInt8[np.ndarray, "h w"],
    skin: UInt8[np.ndarray, "s s 4"],
    centre: tuple[float, float],
    angle: float,
    name: int,
) -> tuple[Layer, UInt8[np.ndarray, "h w"]]:
    """The frame with an object and its soft shadow on top."""
    height, width = ids.shape
    side = skin.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
    turn[:, 2] += np.array(centre) - side / 2
    layer = cv2.warpAffine(skin, turn, (width, height), flags=cv2.INTER_LINEAR)
    shade = cv2.warpAffine(layer[..., 3], np.array([[1, 0, side / 16], [0, 1, side / 12]]), (width, height))
    shade = cv2.GaussianBlur(shade, (0, 0), side / 24).astype(np.float32)[..., None] / 255
    alpha = layer[..., 3:].astype(np.float32) / 255
    image = image * (1 - 0.45 * shade)
    image = image * (1 - alpha) + layer[..., :3] * alpha
    return image, np.where(alpha[..., 0] > 0.5, np.uint8(name), ids)
