"""How cameras and objects move: smooth paths, turns, changes of size, and fields that bend.

Shapes: t frames, s side of a sprite's canvas. Lengths in pixels, angles in radians, unless told otherwise.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from longtake.data.augment import Matrix

Path = Float[np.ndarray, "t 2"]
Series = Float[np.ndarray, "t"]


def wander(rng: np.random.Generator, frames: int, step: float) -> Path:
    """A smooth path from (0, 0), about `step` a frame, that rather goes sideways than up and down."""
    bend = rng.normal(0, rng.choice([0.1, 0.5]), frames)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(bend)
    pace = step * np.exp(np.cumsum(rng.normal(0, 0.25, frames)))
    steps = pace[:, None] * np.stack([np.cos(heading), 0.5 * np.sin(heading)], axis=1)
    steps += rng.normal(0, 0.1 * step, steps.shape)
    steps[0] = 0
    return np.cumsum(steps, axis=0)


def drift(rng: np.random.Generator, frames: int, rate: float) -> Series:
    """A smooth series from 0 that changes by about `rate` a frame."""
    speed = rng.normal(0, rate) + np.cumsum(rng.normal(0, 0.4 * rate, frames))
    speed[0] = 0
    return np.cumsum(speed)


def heavy(rng: np.random.Generator, median: float, most: float) -> float:
    """A positive number: mostly near the median, now and then many times as large, at most `most`."""
    return float(min(median * np.exp(rng.normal(0, 1.0)), most))


def fold(path: Path, size: tuple[int, int], margin: float) -> Path:
    """The path thrown back at the borders of a frame (h, w), `margin` pixels inside."""
    low = np.full(2, margin)
    span = np.array([size[1], size[0]]) - 2 * margin
    folded: np.ndarray = low + span - np.abs((path - low) % (2 * span) - span)
    return folded


@dataclass(frozen=True)
class Camera:
    """What a camera does to a scene that stands still: shift, zoom and roll by frame."""

    pan: Path
    zoom: Series
    roll: Series
    centre: Float[np.ndarray, "2"]

    def at(self, frame: int, depth: float = 1.0) -> Matrix:
        """The matrix for things at a depth: 1 for the ground, more for what is near and passes faster."""
        cos, sin = np.cos(self.roll[frame]), np.sin(self.roll[frame])
        linear = self.zoom[frame] * np.array([[cos, -sin], [sin, cos]])
        shift = self.centre - linear @ self.centre + depth * self.pan[frame]
        return np.hstack([linear, shift[:, None]])


def draw_camera(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> Camera:
    """A camera that stands on a tripod, is held in a hand, or pans; it starts at rest in (0, 0)."""
    side = float(np.sqrt(size[0] * size[1]))
    pan = np.zeros((frames, 2))
    kind = rng.choice(3, p=[0.2, 0.3, 0.5])
    if kind > 0:
        pan += rng.normal(0, 0.006 * side, pan.shape)
    if kind > 1:
        pan += wander(rng, frames, side * heavy(rng, 0.03, 0.2))
    zoom = np.exp(drift(rng, frames, 0.015 * min(kind, 1)))
    roll = drift(rng, frames, 0.012 * min(kind, 1))
    return Camera(pan - pan[0], zoom, roll, np.array([size[1] / 2, size[0] / 2]))


@dataclass(frozen=True)
class Course:
    """Where an object's canvas lies, by frame, before the camera: place of its middle, size, angle, turn."""

    place: Path
    grow: Series
    angle: Series
    yaw: Series
    lean: Series
    mirror: float

    def at(self, frame: int, side: float) -> Matrix:
        """From the pixels of a canvas of `side` pixels to those of the frame."""
        cos, sin = np.cos(self.angle[frame]), np.sin(self.angle[frame])
        # a turn about the upright axis, seen from far away, makes narrow; a lean shears
        narrow = self.mirror * max(float(np.cos(self.yaw[frame])), 0.45)
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[narrow, self.lean[frame]], [0, 1]])
        linear = self.grow[frame] * linear
        shift = self.place[frame] - linear @ np.full(2, side / 2)
        return np.hstack([linear, shift[:, None]])


def draw_course(rng: np.random.Generator, place: Path, upright: float) -> Course:
    """Turns and growth along a path; `upright` is about the largest angle at the start."""
    frames = len(place)
    lively = rng.choice([0.3, 1.0, 2.5])
    yaw = rng.normal(0, 0.3) + drift(rng, frames, 0.1 * lively) if rng.random() < 0.6 else np.zeros(frames)
    return Course(
        place=place,
        grow=np.clip(np.exp(drift(rng, frames, 0.03 * lively)), 0.5, 2.0),
        angle=rng.normal(0, upright / 2) + drift(rng, frames, 0.05 * lively),
        yaw=yaw,
        lean=0.4 * np.tanh(drift(rng, frames, 0.07 * lively)),
        mirror=float(rng.choice([-1.0, 1.0])),
    )


@dataclass(frozen=True)
class Bend:
    """A low-frequency displacement field over a canvas that changes smoothly in time."""

    first: Float32[np.ndarray, "k k 2"]
    second: Float32[np.ndarray, "k k 2"]
    rate: float

    def at(self, frame: int, side: int) -> Float32[np.ndarray, "s s 2"]:
        """For each pixel of the canvas the pixel that shows there, (x, y)."""
        turn = self.rate * frame
        grid = np.float32(side) * (self.first * np.float32(np.cos(turn)) + self.second * np.float32(np.sin(turn)))
        field: np.ndarray = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
        line = np.arange(side, dtype=np.float32)
        field[:, :, 0] += line
        field[:, :, 1] += line[:, None]
        return field


def draw_bend(rng: np.random.Generator) -> Bend:
    """A field of 3 to 5 knots a side, at most about 8 % of the side; more knots move less, so nothing folds."""
    knots = int(rng.integers(3, 6))
    amplitude = rng.uniform(0.02, 0.09) / knots * 2
    first, second = np.clip(rng.normal(0, amplitude, (2, knots, knots, 2)), -0.08, 0.08).astype(np.float32)
    return Bend(first, second, rng.uniform(0.2, 1.2))
