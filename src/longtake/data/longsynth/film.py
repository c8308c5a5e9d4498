"""A story is filmed: the ground passes by, bodies are painted on it back to front, light changes, pixels are noisy.

Shapes: h height, w width, s length of the strip of ground.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64, UInt8

from longtake.data.longsynth.bodies import IVORY, PUPIL, Body, Part
from longtake.data.longsynth.ground import SCENES, ground
from longtake.data.longsynth.integers import SINES, TURN, Dice, mixed, noise, sine
from longtake.data.longsynth.painting import Picture, Pose, Tile, paint, shadow, texture
from longtake.data.longsynth.story import Story

HALF = 128
"""The coverage from which a pixel belongs to a body."""


def film(story: Story) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]]:
    """Frames and id masks. An object has its id from the first frame in which its middle and half of it are seen."""
    dice, height, width = Dice(story.salt), story.height, story.width
    strip = -(-2 * width // 64) * 64
    behind = ground(dice, SCENES[story.scene], height, strip)
    tiles = [texture(actor.body) for actor in story.actors]
    post = _post(dice, story.scene)
    bark, grain = texture(post), noise(dice.bits(), 64, 64, 2)
    shown, sway = set[int](), dice.between(0, TURN - 1)
    for time in range(story.frames):
        pan = strip * 128 + (strip * 40 * (sine(time * 5 + sway) - sine(sway)) >> 12) + time * 90
        picture = _window(behind, pan, width, time if "DB" in story.attributes else None)
        ids, whole = np.zeros((height, width), np.int64), dict[int, int]()
        for actor, tile in zip(story.actors, tiles, strict=True):
            pose = actor.at(time, height, width)
            if pose is not None:
                shadow(picture, actor.body, pose)
                covered = paint(picture, actor.body, pose, tile) >= HALF
                ids[covered] = actor.id
                whole[actor.id] = int(covered.sum()) if _inside(pose, width) else 0
        for place in story.posts:
            x = place * width * 256 // 1000 - (pan - strip * 128) * 3 // 2
            ring = width * 256 * 5 // 2
            pose = Pose((x + width * 64) % ring - width * 64, height * 128, height * 256)
            ids[paint(picture, post, pose, bark) >= HALF] = 0
        for number, area in whole.items():
            if number and (time == 0 or 2 * int((ids == number).sum()) > area > 0):
                shown.add(number)
        ids[~np.isin(ids, list(shown))] = 0
        yield _developed(picture, story, time, grain), ids.astype(np.uint8)


def _inside(pose: Pose, width: int) -> bool:
    """Whether a body is far enough in the frame to be told."""
    return pose.radius * 2 // 3 <= pose.x <= width * 256 - pose.radius * 2 // 3


def _post(dice: Dice, scene: str) -> Body:
    """A trunk or pillar from below the frame to above it; its radius is the frame's height."""
    first, second = SCENES[scene].post
    part = Part(0, 0, 480, dice.between(22, 30), TURN // 4, box=True)
    return Body("post", (part,), (first, second, second, PUPIL, IVORY), "patched", dice.bits(), False)


def _window(behind: Int64[np.ndarray, "h s 3"], pan: int, width: int, rippled: int | None) -> Picture:
    """The part of the strip that the camera sees, `pan` 1/256 pixels along it; rows sway where there are ripples."""
    height, length = behind.shape[:2]
    rows = np.arange(height, dtype=np.int64)[:, None]
    shift = np.full((height, 1), pan, np.int64)
    if rippled is not None:
        shift += WAVES[(rows * 23 + rippled * 61) % TURN] * 5 >> 3
        shift += WAVES[(rows * 60 - rippled * 97) % TURN] >> 2
    columns, share = (shift >> 8) + np.arange(width, dtype=np.int64), (shift & 255)[..., None]
    left, right = behind[rows, columns % length], behind[rows, (columns + 1) % length]
    window: Picture = left + ((right - left) * share >> 8)
    return window


def _developed(picture: Picture, story: Story, time: int, grain: Tile) -> UInt8[np.ndarray, "h w 3"]:
    """Light, and noise; light changes much where appearance is meant to."""
    strong = "AC" in story.attributes
    gain = 222 + (66 * sine(time * 11) >> 12) if strong else 250 + (10 * sine(time * 7) >> 12)
    warmth = 34 * sine(time * 5 + 200) >> 12 if strong else 0
    light = np.array((gain + warmth, gain, gain - warmth), np.int64)
    start = mixed(time + story.salt)
    rows, columns = (np.arange(n) + (start >> k) & 63 for n, k in ((story.height, 7), (story.width, 19)))
    grains = grain[rows[:, None], columns[None]] - 128 >> 4
    developed: np.ndarray = np.clip((picture * light >> 8) + grains[..., None], 0, 255).astype(np.uint8)
    return developed


WAVES = np.array(SINES, np.int64)
