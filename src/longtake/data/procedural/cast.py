"""Who plays in a clip: objects, look-alikes, late-comers, leavers, passers-by, and what stands before them.

Shapes: t frames. Sizes are (h, w).
"""

from dataclasses import dataclass, replace

import numpy as np

from longtake.data.procedural.figures import MOVERS, SCREENS, STANDERS, Figure, Part, building, draw_family
from longtake.data.procedural.motion import Bend, Camera, Course, Path, draw_bend, draw_course, fold, heavy, wander
from longtake.data.procedural.outlines import box
from longtake.data.procedural.painting import paint
from longtake.data.procedural.sprites import Sprite
from longtake.data.procedural.textures import Colours, draw_colours, near_colours

REACH = 0.72
"""The longer side of a figure, as a share of its canvas."""


@dataclass(frozen=True)
class Chances:
    """How likely each phenomenon is, per clip or (camouflage, deform, follow) per object."""

    late: float = 0.15
    """An object comes into sight after the first frame, under an id of its own."""
    leave: float = 0.12
    """The first object leaves the frame, and returns where there are frames enough."""
    occluder: float = 0.35
    lookalike: float = 0.3
    deform: float = 0.6
    camouflage: float = 0.45
    """An object has colours of the background."""
    follow: float = 0.55
    """The camera follows: an object is carried along where the camera pans."""
    distractor: float = 0.4
    """Further things move, under id 0."""
    scenery: float = 0.3
    """Something large stands nearer than the background, which passes slower."""
    cross: float = 0.4
    """The second object passes where the first one is."""
    blur: float = 0.35
    shadow: float = 0.45
    shade: float = 0.3
    """Sun and shade lie over the scene."""
    shallow: float = 0.25
    """The background is out of focus."""
    defocus: float = 0.3
    noise: float = 0.6
    jpeg: float = 0.3


@dataclass(frozen=True)
class Actor:
    """Something that moves: its sprite, course, bending, and id (0: none)."""

    sprite: Sprite
    course: Course
    name: int
    bend: Bend | None = None
    beat: float = 0.0
    pace: float = 0.0
    """Strides by frame."""
    depth: float = 1.0


@dataclass(frozen=True)
class Stage:
    """What actors are drawn for."""

    chances: Chances
    frames: int
    size: tuple[int, int]
    camera: Camera
    colours: Colours

    @property
    def side(self) -> float:
        """The side in pixels of a square as large as the frame."""
        return float(np.sqrt(self.size[0] * self.size[1]))


def draw_cast(rng: np.random.Generator, stage: Stage, objects: int) -> list[Actor]:
    """All actors from back to front; ids 1..objects are those that are meant to be seen in the first frame."""
    chances = stage.chances
    followed = [draw_object(rng, stage, name) for name in range(1, objects + 1)]
    if objects > 1 and rng.random() < chances.cross:
        followed[1] = _crossing(rng, stage, followed[1], followed[0])
    if rng.random() < chances.leave:
        followed[0] = _leaving(rng, stage, followed[0])
    cast, free = list(followed), objects + 1
    if rng.random() < chances.lookalike:
        cast.append(_alike(rng, stage, followed[0], free if rng.random() < 0.5 else 0))
        free += 1
    if rng.random() < chances.distractor:
        cast += [draw_object(rng, stage, 0, most=0.7) for _ in range(int(rng.choice([1, 1, 1, 2])))]
    cast = [cast[i] for i in rng.permutation(len(cast))]
    if rng.random() < chances.scenery:
        cast = [_scenery(rng, stage), *cast]
    if rng.random() < chances.late:
        cast = _late(rng, stage, free) + cast
    if rng.random() < chances.occluder:
        cast += [_occluder(rng, stage, followed[0]) for _ in range(int(rng.choice([1, 1, 1, 2])))]
    return cast


def draw_object(rng: np.random.Generator, stage: Stage, name: int, most: float = 1.1) -> Actor:
    """A moving thing of a random family; `most` is its largest length, as a share of the frame's side."""
    length = stage.side * min(np.exp(rng.uniform(np.log(0.24 if name else 0.1), np.log(1.1))), most)
    # the largest are drawn smaller and magnified, which saves time
    side = min(length / REACH, 0.7 * stage.side)
    sprite = paint(rng, draw_family(rng, MOVERS)(rng), int(side), _colours(rng, stage))
    upright = rng.choice([0.1, 0.4, 3.0], p=[0.5, 0.35, 0.15])
    course = draw_course(rng, _path(rng, stage), upright)
    course = replace(course, grow=course.grow * (length / REACH / sprite.side))
    bend = draw_bend(rng) if rng.random() < stage.chances.deform else None
    return Actor(sprite, course, name, bend, rng.uniform(), rng.uniform(0, 0.25))


def _colours(rng: np.random.Generator, stage: Stage) -> Colours:
    """What an actor is coloured in: like the background, or any colours, or shades of one."""
    if rng.random() < stage.chances.camouflage:
        return near_colours(rng, stage.colours, 5, rng.choice([4.0, 10.0, 18.0]))
    colours = draw_colours(rng, 5)
    return near_colours(rng, colours[:1], 5, 12) if rng.random() < 0.3 else colours


def _path(rng: np.random.Generator, stage: Stage) -> Path:
    """A path that stays in the frame, at least while the camera stands still or follows."""
    height, width = stage.size
    start = rng.uniform(0.2, 0.8, 2) * (width, height)
    path = start + wander(rng, stage.frames, stage.side * heavy(rng, 0.03, 0.2))
    path = fold(path, stage.size, 0.08 * min(height, width))
    path -= _held(rng, stage) * stage.camera.pan
    return path


def _held(rng: np.random.Generator, stage: Stage) -> float:
    """How much of the camera's pan an object takes part in: what is left may not carry it out of sight."""
    if rng.random() < stage.chances.follow:
        return float(rng.uniform(0.8, 1.1))
    far = float(np.abs(stage.camera.pan).max()) / stage.side
    return max(0.0, 1 - 0.3 / max(far, 1e-6))


def _radius(actor: Actor) -> float:
    """How far an actor may reach from the middle of its canvas, in pixels."""
    return 0.5 * actor.sprite.side * float(actor.course.grow.max()) * 1.2


def _outside(rng: np.random.Generator, stage: Stage, actor: Actor, inside: np.ndarray) -> np.ndarray:
    """A place beyond the left, right, upper or lower border where nothing of the actor is seen."""
    height, width = stage.size
    reach, place = 1.15 * _radius(actor) + 0.1 * stage.side, inside.copy()
    axis = int(rng.choice(2, p=[0.8, 0.2]))
    place[axis] = -reach if rng.random() < 0.5 else (width, height)[axis] + reach
    return place


def _moved(actor: Actor, place: Path) -> Actor:
    return replace(actor, course=replace(actor.course, place=place))


def _leaving(rng: np.random.Generator, stage: Stage, actor: Actor) -> Actor:
    """The actor is gone in one frame at least, and comes back unless that is the last."""
    frames = stage.frames
    gone = int(rng.integers(1, max(2, frames - 1)))
    least = min(gone, max(frames - 1 - gone, 1))
    away = np.exp(-(((np.arange(frames) - gone) / (rng.uniform(0.3, 0.6) * least)) ** 2))
    home = rng.uniform(0.25, 0.75, 2) * stage.size[::-1]
    path = home + away[:, None] * (_outside(rng, stage, actor, home) - home)
    return _moved(actor, path - stage.camera.pan)


def _crossing(rng: np.random.Generator, stage: Stage, actor: Actor, other: Actor) -> Actor:
    """The actor comes to where the other one is, in a frame after the first."""
    frame = min(int(rng.integers(1, max(2, stage.frames))), stage.frames - 1)
    shift = other.course.place[frame] - actor.course.place[frame]
    share = np.clip(np.arange(stage.frames) / max(frame, 1), 0, 1.5)
    return _moved(actor, actor.course.place + share[:, None] * shift * rng.uniform(0.6, 1.1))


def _alike(rng: np.random.Generator, stage: Stage, actor: Actor, name: int) -> Actor:
    """The same sprite on a course of its own, or standing still."""
    path = _path(rng, stage)
    still = rng.random() < 0.25
    if still:
        path = np.tile(path[0], (stage.frames, 1))
    course = draw_course(rng, path, 0.3)
    course = replace(course, grow=actor.course.grow[0] * course.grow * rng.uniform(0.7, 1.2))
    bend = draw_bend(rng) if actor.bend else None
    return replace(actor, course=course, name=name, beat=rng.uniform(), bend=bend, pace=0.0 if still else actor.pace)


def _late(rng: np.random.Generator, stage: Stage, name: int) -> list[Actor]:
    """An object that comes from beyond the border or from behind something large, and what it hides behind."""
    actor = draw_object(rng, stage, name, most=0.3 if (hidden := rng.random() < 0.4) else 0.6)
    inside = rng.uniform(0.25, 0.75, 2) * stage.size[::-1]
    last = max(stage.frames - 1, 1)
    entry = int(rng.integers(0, last))
    pace = int(rng.integers(1, min(3, last - entry) + 1))
    share = np.clip((np.arange(stage.frames) - entry) / pace, 0, 1)[:, None]
    if not hidden:
        start = _outside(rng, stage, actor, inside)
        return [_moved(actor, start + share * (inside - start) - stage.camera.pan)]
    screen = _screen(rng, stage, inside, 2.1 * _radius(actor) / 0.9)
    angle = rng.choice([0.0, np.pi]) + rng.normal(0, 0.4)
    away = 0.95 * screen.sprite.side * np.array([np.cos(angle), np.sin(angle)])
    # it rather comes out towards the middle of the frame
    away[0] = abs(away[0]) * np.sign(stage.size[1] / 2 - inside[0])
    return [_moved(actor, inside + share * away), screen]


def _screen(rng: np.random.Generator, stage: Stage, place: np.ndarray, side: float) -> Actor:
    """A wall without holes that stands still."""
    half = 0.45
    figure = Figure((Part(box(-half, -half, half, half), 0), *building(rng).parts))
    sprite = paint(rng, figure, int(side), _colours(rng, stage))
    return Actor(sprite, _standing(stage, place), 0)


def _scenery(rng: np.random.Generator, stage: Stage) -> Actor:
    """Something behind the objects that stands still, nearer than the background."""
    side = int(stage.side * rng.uniform(0.4, 1.0))
    sprite = paint(rng, draw_family(rng, STANDERS)(rng), side, near_colours(rng, stage.colours, 4, 12))
    place = rng.uniform(0, 1, 2) * stage.size[::-1]
    return Actor(sprite, _standing(stage, place), 0, beat=rng.uniform(), depth=rng.uniform(1.1, 1.5))


def _standing(stage: Stage, place: np.ndarray) -> Course:
    zero = np.zeros(stage.frames)
    return Course(np.tile(place, (stage.frames, 1)), zero + 1, zero, zero, zero, 1.0)


def _occluder(rng: np.random.Generator, stage: Stage, hidden: Actor) -> Actor:
    """A post, bush or other thing in front of all, near the way of the object that it hides in part."""
    side = int(stage.side * rng.uniform(0.3, 1.2))
    sprite = paint(rng, draw_family(rng, SCREENS)(rng), side, _colours(rng, stage))
    frame, depth = int(rng.integers(stage.frames)), rng.uniform(1, 1.8)
    place = hidden.course.place[frame] + (1 - depth) * stage.camera.pan[frame]
    place = place + rng.normal(0, 0.3, 2) * hidden.sprite.side
    speed = heavy(rng, 0.05, 0.2) if rng.random() < 0.3 else 0.0
    path = wander(rng, stage.frames, stage.side * speed)
    course = draw_course(rng, place + path - path[frame], 0.1)
    if not speed:
        still = np.zeros(stage.frames)
        course = replace(course, grow=still + 1, angle=still + course.angle[0], yaw=still, lean=still)
    return Actor(sprite, course, 0, None, rng.uniform(), 0.1, depth)
