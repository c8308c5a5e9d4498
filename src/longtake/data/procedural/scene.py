"""A clip is drawn: background and actors from back to front, each with its exact mask, then the camera's look.

Shapes: h height, w width, t frames.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from longtake.data.augment import Image, Matrix
from longtake.data.paste import Drawn
from longtake.data.procedural.cast import Actor, Chances, Stage, draw_cast
from longtake.data.procedural.ground import draw_ground
from longtake.data.procedural.motion import draw_camera
from longtake.data.procedural.photometry import draw_photometry
from longtake.data.procedural.sprites import Layer, chain, cover, lay, place, pose, smear
from longtake.data.procedural.textures import blurred, draw_colours, noise

LEAST = 0.01
"""Share of the first frame that an object should cover to be worth following."""
BORDER = 1.15
"""How much larger the background is than the frame."""


@dataclass(frozen=True)
class Light:
    """Shadows and motion blur of a clip."""

    shutter: float
    """Share of a frame's time that the shutter is open."""
    shadow: float
    """How dark shadows are, 0 for none."""
    cast: Float[np.ndarray, "2"]
    """Sideways slant and height of a shadow, per height of what casts it."""
    softness: float
    sun: UInt8[np.ndarray, "h w"] | None
    """Sun and shade over the scene, of the background's size, 128 for neither."""


def draw_scene(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    objects: int,
    chances: Chances = Chances(),  # noqa: B008 - frozen
) -> Drawn:
    """A clip of 1 frame or more; ids 1..objects are in sight in the first frame as a rule, others may be or come.

    Ids above `objects` are look-alikes and objects that come later; what else moves has id 0.
    """
    size = (height, width)
    colours = draw_colours(rng, int(rng.integers(2, 7)))
    ground = draw_ground(rng, int(BORDER * height), int(BORDER * width), colours)
    if rng.random() < chances.shallow:
        ground = blurred(ground, height * rng.uniform(0.003, 0.015))
    light = _light(rng, chances, (ground.shape[0], ground.shape[1]))
    stage = Stage(chances, frames, size, draw_camera(rng, frames, size), colours)
    cast = draw_cast(rng, stage, objects)
    first = shoot(stage, ground, cast, light, 0)
    areas = np.bincount(first[1].ravel(), minlength=objects + 1)[1 : objects + 1]
    if (areas < LEAST * height * width).any():
        cast = _uncovered(cast, objects)
        first = shoot(stage, ground, cast, light, 0)
    shots = [first, *(shoot(stage, ground, cast, light, frame) for frame in range(1, frames))]
    look = draw_photometry(rng, frames, size, chances.defocus, chances.noise, chances.jpeg)
    return Drawn([look.develop(t, image) for t, (image, _) in enumerate(shots)], [ids for _, ids in shots])


def _uncovered(cast: list[Actor], objects: int) -> list[Actor]:
    """The cast with the objects that are to be followed in front, the smallest foremost."""
    followed = [actor for actor in cast if 1 <= actor.name <= objects]
    others = [actor for actor in cast if not 1 <= actor.name <= objects]
    return others + sorted(followed, key=lambda actor: -actor.sprite.side)


def _light(rng: np.random.Generator, chances: Chances, size: tuple[int, int]) -> Light:
    sun: np.ndarray | None = None
    if rng.random() < chances.shade:
        sharp = np.float32(rng.choice([1, 3]))
        field = noise(rng, *size, size[1] * rng.choice([0.12, 0.3, 0.6]), 0.4, finest=6)
        sun = (np.clip(sharp * (field - np.float32(0.5)) + 0.5, 0, 1) * np.float32(100) + np.float32(65)).astype(
            np.uint8
        )
    return Light(
        shutter=rng.uniform(0.2, 0.7) if rng.random() < chances.blur else 0.0,
        shadow=rng.uniform(0.2, 0.65) if rng.random() < chances.shadow else 0.0,
        cast=np.array([rng.normal(0, 0.7), rng.choice([-0.25, 0.1, 0.3, 0.9])]),
        softness=rng.uniform(0.01, 0.04),
        sun=sun,
    )


def shoot(
    stage: Stage, ground: Image, cast: list[Actor], light: Light, frame: int
) -> tuple[Image, UInt8[np.ndarray, "h w"]]:
    """One frame and its ids, before the camera's look; `ground` is larger than the frame, which sees its middle."""
    image = _background(stage, ground, light, frame)
    ids = np.zeros(stage.size, np.uint8)
    for actor in cast:
        matrix = chain(stage.camera.at(frame, actor.depth), actor.course.at(frame, actor.sprite.side))
        canvas = pose(actor.sprite, actor.beat + actor.pace * frame)
        bend = actor.bend.at(frame, actor.sprite.side) if actor.bend else None
        if light.shadow:
            _shade(image, canvas, chain(matrix, _fallen(light, actor.sprite.side)), light)
        by = light.shutter * _speed(stage, actor, frame)
        blurred = bool(np.abs(by).max() > 1)
        pad = 1 + int(np.abs(by).max() / 2) if blurred else 1
        if (found := place(canvas, matrix, stage.size, bend, pad)) is None:
            continue
        window, layer = found
        layer = smear(layer, by) if blurred else layer
        cover(image[window], layer)
        ids[window][layer[:, :, 3] > 127] = actor.name
    if light.sun is not None:
        image = cv2.multiply(image, cv2.merge([_seen(stage, light.sun, frame)] * 3), scale=1 / 128)
    return image, ids


def _background(stage: Stage, ground: Image, light: Light, frame: int) -> Image:
    """The ground as the camera sees it."""
    image = _seen(stage, ground, frame)
    by = light.shutter * _step(stage.camera.pan, frame)
    return smear(image, by) if np.abs(by).max() > 1 else image


def _seen(stage: Stage, ground: UInt8[np.ndarray, "h w *c"], frame: int) -> UInt8[np.ndarray, "_ _ *c"]:
    """What of the background (or of the light on it) is in the frame."""
    height, width = stage.size
    x, y = (width - ground.shape[1]) / 2, (height - ground.shape[0]) / 2
    matrix = chain(stage.camera.at(frame), np.array([[1, 0, x], [0, 1, y]]))
    seen: np.ndarray = cv2.warpAffine(ground, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return seen


def _step(path: Float[np.ndarray, "t 2"], frame: int) -> Float[np.ndarray, "2"]:
    """From the frame before to this one (of the first: to the next one)."""
    if len(path) < 2:
        return np.zeros(2)
    later = max(frame, 1)
    step: np.ndarray = path[later] - path[later - 1]
    return step


def _speed(stage: Stage, actor: Actor, frame: int) -> Float[np.ndarray, "2"]:
    """Pixels that an actor moves in the frame between two frames, but no more than an eighth of its canvas."""
    step = _step(actor.course.place + actor.depth * stage.camera.pan, frame)
    most = actor.sprite.side / 8
    speed: np.ndarray = np.clip(step, -most, most)
    return speed


def _shade(image: Image, canvas: Layer, matrix: Matrix, light: Light) -> None:
    """Darken the image where the shadow falls, in place. The shadow is drawn at a third of the canvas's size."""
    small = cv2.resize(canvas, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    sigma = 0.5 + light.softness * small.shape[0]
    small[:, :, 3] = cv2.convertScaleAbs(cv2.GaussianBlur(small[:, :, 3], (0, 0), sigma), alpha=light.shadow)
    grow = np.array([[canvas.shape[1] / small.shape[1], 0, 0], [0, canvas.shape[0] / small.shape[0], 0]])
    small[:, :, :3] = 0
    lay(image, small.astype(np.uint8, copy=False), chain(matrix, grow))


def _fallen(light: Light, side: int) -> Matrix:
    """From what stands to its shadow, which lies on the ground from the feet on."""
    slant, tall = light.cast
    foot = 0.85 * side
    return np.array([[1, slant, -slant * foot], [0, tall, foot - tall * foot]])
