"""Bodies are painted: each part textured, rounded by light from the upper left, with soft edges; coverage is exact.

Shapes: h height, w width. Places and sizes are in 1/256 of a pixel. Coverage is of 256.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
from jaxtyping import Bool, Int64

from longtake.data.longsynth.bodies import MAIN, SECOND, Body, Part
from longtake.data.longsynth.integers import ROOTS, TURN, Grid, cosine, noise, sine

Picture = Int64[np.ndarray, "h w 3"]
Tile = Int64[np.ndarray, "64 64"]

THINNEST = 160
TEXELS = 64


@dataclass(frozen=True)
class Pose:
    """Where a body is, and how: its middle, radius, angle, how far its gait is, and whether it looks left."""

    x: int
    y: int
    radius: int
    angle: int = 0
    gait: int = 0
    mirrored: bool = False


@dataclass(frozen=True)
class Oval:
    """A part in pixels: middle, half lengths, angle."""

    x: int
    y: int
    along: int
    across: int
    angle: int
    box: bool


@dataclass(frozen=True)
class Spread:
    """The pixels of an oval in a frame: rows, columns, how far each is from the middle (1024: the edge), coverage."""

    rows: slice
    columns: slice
    along: Grid
    across: Grid
    outness: Grid
    coverage: Grid


def spread(oval: Oval, height: int, width: int) -> Spread | None:
    """None where it is out of the frame."""
    cos, sin = cosine(oval.angle), sine(oval.angle)
    a, b = max(THINNEST, oval.along), max(THINNEST, oval.across)
    if oval.box:
        reach_x, reach_y = a * abs(cos) + b * abs(sin) >> 12, a * abs(sin) + b * abs(cos) >> 12
    else:
        reach_x, reach_y = isqrt((a * cos) ** 2 + (b * sin) ** 2) >> 12, isqrt((a * sin) ** 2 + (b * cos) ** 2) >> 12
    left, right = max(0, (oval.x - reach_x >> 8) - 1), min(width, (oval.x + reach_x >> 8) + 2)
    top, bottom = max(0, (oval.y - reach_y >> 8) - 1), min(height, (oval.y + reach_y >> 8) + 2)
    if left >= right or top >= bottom:
        return None
    dx = (np.arange(left, right, dtype=np.int64) << 8) + (128 - oval.x)
    dy = ((np.arange(top, bottom, dtype=np.int64) << 8) + (128 - oval.y))[:, None]
    along = ((dx * cos + dy * sin >> 12) * ((1 << 22) // a)) >> 12
    across = ((dy * cos - dx * sin >> 12) * ((1 << 22) // b)) >> 12
    outness = _outness(along, across, oval.box)
    steep = min(a, b) >> (1 if oval.box else 0)
    coverage = np.clip(128 + ((1024 - outness) * steep >> 11), 0, 256)
    return Spread(slice(top, bottom), slice(left, right), along, across, outness, coverage)


def _outness(along: Grid, across: Grid, box: bool) -> Grid:
    u, v = along * along >> 10, across * across >> 10
    outness: np.ndarray = (u * u + v * v) >> 10 if box else u + v
    return outness


def paint(picture: Picture, body: Body, pose: Pose, tile: Tile) -> Grid:
    """Paint a body into a picture; returns how much of each pixel it covers. tile: its texture."""
    covered = np.zeros(picture.shape[:2], np.int64)
    for number, part in enumerate(body.parts):
        oval = placed(part, pose)
        found = spread(oval, *picture.shape[:2])
        if found is None:
            continue
        lit = _lit(found, part, oval, body, tile, 640 * number)
        blend(picture[found.rows, found.columns], lit, found.coverage)
        np.maximum(covered[found.rows, found.columns], found.coverage, out=covered[found.rows, found.columns])
    return covered


def blend(picture: Picture, other: Picture, coverage: Grid) -> None:
    """Lay one picture over another, in place."""
    picture += (other - picture) * coverage[..., None] >> 8


def texture(body: Body) -> Tile:
    """The tile that a body's parts are cut from."""
    return noise(body.salt, TEXELS, TEXELS, 16)


def placed(part: Part, pose: Pose) -> Oval:
    """A part, posed."""
    angle = part.angle + (part.swing * sine(pose.gait + part.phase) >> 12) + part.turns * pose.gait
    x, y = part.x + (part.reach * cosine(angle) >> 12), part.y + (part.reach * sine(angle) >> 12)
    if pose.mirrored:
        x, angle = -x, TURN // 2 - angle
    cos, sin = cosine(pose.angle), sine(pose.angle)
    across, down = (x * cos - y * sin >> 12) * pose.radius >> 8, (x * sin + y * cos >> 12) * pose.radius >> 8
    along, thick = part.along * pose.radius >> 8, part.across * pose.radius >> 8
    return Oval(pose.x + across, pose.y + down, along, thick, angle + pose.angle, part.box)


LIGHT_X, LIGHT_Y, LIGHT_Z = -450, -680, 620
"""Where light comes from, of 1024."""


def _lit(found: Spread, part: Part, oval: Oval, body: Body, tile: Tile, offset: int) -> Picture:
    """The colours of a part: pattern, texture, light."""
    across = found.across * part.across + offset >> 13
    along = found.along * part.along + offset >> 13
    grain = tile[across & TEXELS - 1, along & TEXELS - 1]
    colours = np.array(body.paints, np.int64)
    own = colours[part.paint][None, None]
    if part.paint in (MAIN, SECOND) and body.pattern != "plain":
        other = colours[SECOND if part.paint == MAIN else MAIN]
        own = np.where(_patterned(body.pattern, along, across, tile)[..., None], other, own)
    cos, sin = cosine(oval.angle), sine(oval.angle)
    light_along, light_across = LIGHT_X * cos + LIGHT_Y * sin >> 12, LIGHT_Y * cos - LIGHT_X * sin >> 12
    height = ROOTS[np.clip(found.outness, 0, 1024)]
    if oval.box:
        height = 768 + (height >> 2)
    light = found.along * light_along + found.across * light_across + height * LIGHT_Z >> 10
    shade = np.clip(168 + (light * 110 >> 10) + (grain - 128) * 3 // 8, 70, 330)
    gloss = np.clip(light - 860, 0, 160)
    lit: Picture = np.clip((own * shade[..., None] >> 8) + gloss[..., None] // 3, 0, 255)
    return lit


def _patterned(pattern: str, along: Grid, across: Grid, tile: Tile) -> Bool[np.ndarray, "h w"]:
    """Where the second colour is; one texel is 8 of a radius's 256 parts."""
    cloud = tile[across >> 1 & TEXELS - 1, along >> 1 & TEXELS - 1]
    second: np.ndarray = cloud > 140
    if pattern == "striped":
        second = (along + (cloud >> 5) >> 2 & 1) == 1
    elif pattern == "spotted":
        second = ((along & 7) - 4) ** 2 + ((across & 7) - 4) ** 2 < 7
    return second


def shadow(picture: Picture, body: Body, pose: Pose) -> None:
    """Darken the ground below a body that stands on it."""
    if body.stands:
        feet = Oval(pose.x + pose.radius // 6, pose.y + pose.radius * 3 // 4, pose.radius, pose.radius // 5, 0, False)
        found = spread(feet, *picture.shape[:2])
        if found is not None:
            ground = picture[found.rows, found.columns]
            soft = np.clip(1024 - found.outness, 0, 400) * 128 // 400
            ground -= ground * soft[..., None] >> 8
