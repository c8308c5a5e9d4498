"""What lies behind: a meadow, a street or the bottom of the sea, cluttered, as a strip that closes in a ring.

Shapes: h height, w width of the strip.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from longtake.data.longsynth.bodies import ACCENT, IVORY, PUPIL, SECOND, Body, Build, Colour, Part, limb
from longtake.data.longsynth.integers import TURN, Dice, Grid, mixed_all, noise
from longtake.data.longsynth.painting import Picture, Pose, paint, shadow, texture

MESH = 32


@dataclass(frozen=True)
class Scene:
    """The colours of a place, and where its floor begins, in thousandths of the height."""

    floor: int
    colours: tuple[Colour, ...]
    """Of what stands there, and of bodies that are meant to be hard to tell from it."""
    post: tuple[Colour, Colour]
    """Of what stands in front."""
    behind: Callable[[Dice, int, int], Picture]
    things: tuple[str, ...]


def ground(dice: Dice, scene: Scene, height: int, width: int) -> Picture:
    """The strip, back to front."""
    picture = scene.behind(dice, height, width)
    rows = sorted(dice.between(scene.floor - 20, 1020) for _ in range(34))
    for row in rows:
        near = 300 + (row - scene.floor) * 700 // (1000 - scene.floor)
        radius = height * near * dice.between(80, 210) * 256 // 1_000_000
        thing = _thing(dice, dice.choice(scene.things), scene.colours)
        y = row * height * 256 // 1000 - radius // 2
        pose = Pose(dice.between(0, width) * 256, y, radius, mirrored=dice.between(0, 1) == 1)
        tile = texture(thing)
        for turn in (-1, 0, 1):
            again = Pose(pose.x + turn * width * 256, pose.y, pose.radius, mirrored=pose.mirrored)
            shadow(picture, thing, again)
            paint(picture, thing, again, tile)
    return picture


def _thing(dice: Dice, kind: str, colours: tuple[Colour, ...]) -> Body:
    paints = (dice.choice(colours), dice.choice(colours), dice.choice(colours), PUPIL, IVORY)
    return Body(
        kind, THINGS[kind](dice), paints, dice.choice(("plain", "patched", "plain", "striped")), dice.bits(), True
    )


def _bush(dice: Dice) -> Build:
    spots = [(dice.between(-170, 170), dice.between(-130, 150), dice.between(60, 110)) for _ in range(9)]
    return tuple(Part(x, y, r, r * 7 // 8, paint=k % 3) for k, (x, y, r) in enumerate(spots))


def _rock(dice: Dice) -> Build:
    return (
        Part(-40, 90, dice.between(130, 190), 110, dice.between(-60, 60)),
        Part(90, 120, dice.between(90, 130), 80, dice.between(-60, 60), paint=SECOND),
    )


def _crate(dice: Dice) -> Build:
    side = dice.between(120, 170)
    planks = [Part(0, 40 + k * side * 2 // 3, side - 12, side // 4, paint=SECOND, box=True) for k in (-1, 0, 1)]
    return (Part(0, 40, side, side, box=True), *planks)


def _flower(dice: Dice) -> Build:
    petals = [limb(0, -60, 80, 34, k * TURN // 6, paint=ACCENT) for k in range(6)]
    return (Part(0, 90, 150, 14, TURN // 4), *petals, Part(0, -60, 36, 36, paint=SECOND))


def _lamp(dice: Dice) -> Build:
    return (Part(0, -60, 250, 16, TURN // 4, box=True), Part(0, -320, 60, 54, paint=4), Part(0, 180, 60, 20))


def _coral(dice: Dice) -> Build:
    return tuple(
        limb(dice.between(-40, 40), 190, dice.between(120, 190), 26, -TURN // 4 + side * 42, paint=k % 3)
        for k, side in enumerate((-3, 3, -2, 2, -1, 1, 0))
    )


THINGS: Mapping[str, Callable[[Dice], Build]] = {
    "bush": _bush,
    "rock": _rock,
    "crate": _crate,
    "flower": _flower,
    "lamp": _lamp,
    "coral": _coral,
}


def _clouds(dice: Dice, height: int, width: int, coarsest: int = MESH) -> Grid:
    """Noise on the whole strip, closed in a ring."""
    salt, rows = dice.bits(), -(-height // coarsest) * coarsest
    return noise(salt, rows, width, coarsest)[:height]


def _tinted(colour: Colour, strength: Int64[np.ndarray, "h w"]) -> Picture:
    """A colour, lighter or darker: 256 leaves it."""
    tinted: Picture = np.clip(np.array(colour, np.int64) * strength[..., None] >> 8, 0, 255)
    return tinted


def _graded(above: Colour, below: Colour, height: int) -> Int64[np.ndarray, "h 1 3"]:
    rows = np.arange(height, dtype=np.int64)[:, None, None]
    first, second = np.array(above, np.int64), np.array(below, np.int64)
    graded: np.ndarray = first + (second - first) * rows // height
    return graded


def _meadow(dice: Dice, height: int, width: int) -> Picture:
    floor, rows = MEADOW_FLOOR * height // 1000, np.arange(height, dtype=np.int64)[:, None]
    cloud, ridge = _clouds(dice, height, width), _clouds(dice, height, width)[0]
    white = np.clip(cloud - 120, 0, 120)[..., None]
    picture = np.repeat(_graded((84, 134, 206), (240, 232, 214), height), width, axis=1)
    picture += (np.array((246, 244, 240)) - picture) * white >> 8
    hills = rows >= floor - ridge * height // 1400
    picture = np.where(hills[..., None], _tinted((92, 122, 118), 190 + (cloud >> 2)), picture)
    grass = 150 + (_clouds(dice, height, width, 16) >> 1) + (rows - floor) * 60 // height
    colour = dice.choice(((104, 134, 62), (132, 132, 64), (92, 126, 84)))
    return np.where((rows >= floor)[..., None], _tinted(colour, grass), picture)


def _street(dice: Dice, height: int, width: int) -> Picture:
    floor, rows = STREET_FLOOR * height // 1000, np.arange(height, dtype=np.int64)[:, None]
    columns = np.arange(width, dtype=np.int64)[None]
    course = rows // 8
    joint = (rows % 8 == 0) | ((columns + course % 2 * 8) % 16 == 0)
    salt = np.uint64(dice.bits())
    tone = _bricks(course, (columns + course % 2 * 8) // 16 % (width // 16), salt)
    wall = _tinted(
        dice.choice(((150, 92, 74), (142, 122, 104), (120, 112, 126))), 190 + tone + (_clouds(dice, height, width) >> 2)
    )
    wall = np.where(joint[..., None], wall * 150 >> 8, wall)
    flags = ((columns // 32 + (rows - floor) * 12 // height) & 1) * 22
    paving = _tinted((138, 134, 128), 160 + flags + (_clouds(dice, height, width, 16) * 3 >> 3))
    return np.where((rows >= floor)[..., None], paving, wall)


def _bricks(course: Int64[np.ndarray, "h 1"], number: Grid, salt: np.uint64) -> Grid:
    """A tone from 0 to 63 for each brick."""
    return (mixed_all((course * 4096 + number).astype(np.uint64) ^ salt) >> np.uint64(58)).astype(np.int64)


def _sea(dice: Dice, height: int, width: int) -> Picture:
    floor, rows = SEA_FLOOR * height // 1000, np.arange(height, dtype=np.int64)[:, None]
    cloud = _clouds(dice, height, width)
    picture = _graded((84, 164, 178), (22, 68, 110), height) * (206 + (cloud >> 2))[..., None] >> 8
    bright = np.clip(26 - np.abs(_clouds(dice, height, width) - 128), 0, 26) * 3
    picture = np.clip(picture + bright[..., None], 0, 255)
    dunes = _clouds(dice, height, width)[0]
    sand = _tinted((172, 160, 122), 130 + (_clouds(dice, height, width, 16) >> 1) + (bright >> 1))
    return np.where((rows >= floor + dunes * height // 2000)[..., None], sand, picture)


MEADOW_FLOOR, STREET_FLOOR, SEA_FLOOR = 400, 520, 600

SCENES: Mapping[str, Scene] = {
    "meadow": Scene(
        MEADOW_FLOOR,
        ((74, 112, 52), (120, 140, 66), (150, 140, 118), (96, 98, 88), (176, 156, 84)),
        ((96, 74, 54), (66, 52, 42)),
        _meadow,
        ("bush", "bush", "rock", "flower"),
    ),
    "street": Scene(
        STREET_FLOOR,
        ((134, 96, 78), (112, 110, 112), (150, 136, 110), (88, 84, 92), (166, 122, 88)),
        ((120, 122, 130), (84, 84, 96)),
        _street,
        ("crate", "lamp", "crate", "bush"),
    ),
    "sea": Scene(
        SEA_FLOOR,
        ((84, 128, 120), (150, 132, 110), (60, 104, 128), (120, 110, 96), (164, 146, 118)),
        ((70, 104, 72), (46, 78, 62)),
        _sea,
        ("coral", "rock", "coral", "bush"),
    ),
}
"""Place -> what it looks like."""
