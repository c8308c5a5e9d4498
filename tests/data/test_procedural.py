from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.data.procedural import Chances, draw_scene
from longtake.data.procedural.cast import Actor, Stage, draw_cast, draw_object
from longtake.data.procedural.figures import MOVERS, SCREENS, STANDERS
from longtake.data.procedural.motion import Camera, draw_bend, draw_camera
from longtake.data.procedural.painting import paint
from longtake.data.procedural.scene import Light, shoot
from longtake.data.procedural.sprites import Sprite, pose
from longtake.data.procedural.textures import PATTERNS, draw_colours, near_colours, noise, to_rgb

NOTHING = Chances(**{field.name: 0.0 for field in fields(Chances)})
DARK = Light(shutter=0.0, shadow=0.0, cast=np.zeros(2), softness=0.02, sun=None)
SEEDS = range(4)


def stage(rng: np.random.Generator, chances: Chances = NOTHING, frames: int = 5, side: int = 96) -> Stage:
    return Stage(chances, frames, (side, side), draw_camera(rng, frames, (side, side)), draw_colours(rng, 4))


def still(frames: int = 5, side: int = 96) -> Stage:
    camera = Camera(np.zeros((frames, 2)), np.ones(frames), np.zeros(frames), np.full(2, side / 2))
    return Stage(NOTHING, frames, (side, side), camera, draw_colours(np.random.default_rng(0), 4))


def flat(actor: Actor, red: int, green: int) -> Actor:
    """The actor in one colour: what is then seen of it is its alpha."""
    pieces = []
    for piece in actor.sprite.pieces:
        layer = np.zeros_like(piece.layer)
        layer[:, :, 0], layer[:, :, 1] = (np.round(piece.layer[:, :, 3] / 255 * part) for part in (red, green))
        layer[:, :, 3] = piece.layer[:, :, 3]
        pieces.append(replace(piece, layer=layer))
    return replace(actor, sprite=Sprite(actor.sprite.side, tuple(pieces)))


def areas(chances: Chances, seed: int, frames: int = 5, objects: int = 1) -> np.ndarray:
    """Pixels by frame and id."""
    clip = draw_scene(np.random.default_rng(seed), frames, 64, 64, objects, chances)
    return np.stack([np.bincount(ids.ravel(), minlength=6) for ids in clip.ids])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(32, 72), st.integers(32, 72), st.integers(1, 3))
def test_clips_are_well_formed_and_follow_from_the_generator(
    seed: int, frames: int, height: int, width: int, objects: int
) -> None:
    clip, again = (draw_scene(np.random.default_rng(seed), frames, height, width, objects) for _ in range(2))
    assert len(clip.images) == len(clip.ids) == frames
    for t in range(frames):
        assert clip.images[t].shape == (height, width, 3)
        assert clip.ids[t].shape == (height, width)
        assert clip.images[t].dtype == clip.ids[t].dtype == np.uint8
        assert clip.ids[t].max() <= objects + 2
        np.testing.assert_array_equal(clip.images[t], again.images[t])
        np.testing.assert_array_equal(clip.ids[t], again.ids[t])


def test_no_global_random_state_is_used() -> None:
    np.random.seed(0)
    cv2.setRNGSeed(0)
    first = draw_scene(np.random.default_rng(3), 2, 64, 64, 1)
    np.random.seed(1)
    cv2.setRNGSeed(1)
    np.testing.assert_array_equal(first.images[1], draw_scene(np.random.default_rng(3), 2, 64, 64, 1).images[1])


def test_objects_are_in_sight_in_the_first_frame() -> None:
    share = np.stack([areas(Chances(), seed, 1, 2)[0, 1:3] for seed in range(8)]) / 64**2
    assert (share.min(axis=1) >= 0.01).mean() > 0.8
    assert 0.01 < np.median(share) < 0.3


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([0.0, 0.6]))
def test_image_and_mask_stay_aligned_while_an_object_bends_swings_and_blurs(
    seed: int, bends: bool, shutter: float
) -> None:
    """A red object on black: where it is more than half opaque is where it is more than half red."""
    rng = np.random.default_rng(seed)
    scene = stage(rng, replace(NOTHING, deform=float(bends)))
    actor = flat(draw_object(rng, scene, 3), 255, 0)
    assert (actor.bend is not None) == bends
    black = np.zeros((115, 115, 3), np.uint8)
    for frame in range(scene.frames):
        image, ids = shoot(scene, black, [actor], replace(DARK, shutter=shutter), frame)
        red = image[:, :, 0].astype(int)
        unsure = np.abs(red - 127) <= 6  # rounding, where several layers meet
        assert ((red > 127) == (ids == 3))[~unsure].all()


def test_a_bend_changes_the_outline_smoothly() -> None:
    rng = np.random.default_rng(5)
    scene = still()
    actor = replace(flat(draw_object(rng, scene, 1), 255, 0), bend=draw_bend(rng), pace=0.0)
    course = replace(
        actor.course, **{name: getattr(actor.course, name)[[0] * 5] for name in ("place", "grow", "angle")}
    )
    course = replace(course, yaw=np.zeros(5), lean=np.zeros(5))
    black = np.zeros((115, 115, 3), np.uint8)
    masks = [shoot(scene, black, [replace(actor, course=course)], DARK, t)[1] > 0 for t in range(5)]
    unions = [(masks[0] & mask).sum() / (masks[0] | mask).sum() for mask in masks[1:]]
    assert max(unions) < 1
    assert unions[0] > 0.6


def test_what_is_in_front_hides_what_is_behind() -> None:
    rng = np.random.default_rng(2)
    scene = still()
    back, front = (draw_object(rng, scene, name) for name in (1, 2))
    front = replace(front, course=replace(front.course, place=back.course.place))
    black = np.zeros((115, 115, 3), np.uint8)
    alone = [shoot(scene, black, [flat(actor, 255, 0)], DARK, 0)[1] > 0 for actor in (back, front)]
    image, ids = shoot(scene, black, [flat(back, 255, 0), flat(front, 0, 255)], DARK, 0)
    np.testing.assert_array_equal(ids, np.where(alone[1], 2, np.where(alone[0], 1, 0)))
    assert (image[:, :, 1] > 120)[ids == 2].all()
    _, unnamed = shoot(scene, black, [back, replace(front, name=0)], DARK, 0)
    np.testing.assert_array_equal(unnamed, np.where(ids == 2, 0, ids))


def test_shadows_and_light_are_not_part_of_a_mask() -> None:
    rng = np.random.default_rng(4)
    scene = still()
    actor = draw_object(rng, scene, 1)
    grey = np.full((115, 115, 3), 200, np.uint8)
    sun = np.full((115, 115), 90, np.uint8)
    plain, ids = shoot(scene, grey, [actor], DARK, 0)
    shady, same = shoot(scene, grey, [actor], replace(DARK, shadow=0.6, cast=np.array([1.0, 0.5]), sun=sun), 0)
    np.testing.assert_array_equal(ids, same)
    assert (shady < plain)[ids == 0].mean() > 0.9


def test_late_objects_are_absent_at_first_and_come() -> None:
    counts = np.stack([areas(replace(NOTHING, late=1.0), seed)[:, 2] for seed in range(8)])
    assert (counts[:, 0] == 0).all()
    assert (counts.max(axis=1) > 20).mean() > 0.8


def test_leavers_go_and_return() -> None:
    for seed in SEEDS:
        count = areas(replace(NOTHING, leave=1.0), seed)[:, 1]
        assert count[0] > 20
        assert count[1:4].min() == 0
        assert count[4] > 20


def test_a_lookalike_is_the_same_sprite_on_another_course() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        cast = draw_cast(rng, stage(rng, replace(NOTHING, lookalike=1.0)), 1)
        first, second = cast
        assert first.sprite is second.sprite
        assert {first.name, second.name} in ({1, 2}, {0, 1})
        assert not np.array_equal(first.course.place, second.course.place)


@pytest.mark.parametrize("kind", ["occluder", "distractor", "scenery"])
def test_what_is_not_followed_has_no_id(kind: str) -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        cast = draw_cast(rng, stage(rng, replace(NOTHING, **{kind: 1.0})), 2)
        names = [actor.name for actor in cast]
        assert len(names) > 2
        assert sorted(names)[-3:] == [0, 1, 2]
        if kind == "occluder":
            assert names[-1] == 0
            assert cast[-1].depth >= 1


def test_occluders_hide_objects() -> None:
    hidden = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        scene = stage(rng, replace(NOTHING, occluder=1.0, follow=1.0))
        cast = draw_cast(rng, scene, 1)
        black = np.zeros((115, 115, 3), np.uint8)
        full, seen = ([(shoot(scene, black, c, DARK, t)[1] == 1).sum() for t in range(5)] for c in (cast[:1], cast))
        hidden.append(max(1 - s / f for s, f in zip(seen, full, strict=True) if f))
    assert np.mean(np.array(hidden) > 0.05) > 0.5


def test_a_camera_moves_what_is_near_faster() -> None:
    camera = Camera(np.array([[0, 0], [4.0, 2]]), np.ones(2), np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(camera.at(1, 1.5)[:, 2] - camera.at(1)[:, 2], [2.0, 1.0])


@pytest.mark.parametrize("family", [family for _, family in (*MOVERS, *STANDERS, *SCREENS)], ids=lambda f: f.__name__)
def test_figures_stay_within_their_canvas(family) -> None:
    rng = np.random.default_rng(0)
    for _ in range(2):
        sprite = paint(rng, family(rng), 80, draw_colours(rng, 5))
        canvas = pose(sprite, rng.uniform())
        assert canvas.shape == (80, 80, 4)
        assert (canvas[:, :, 3] > 127).mean() > 0.01
        assert (canvas[:, :, :3] <= canvas[:, :, 3:].astype(int) + 4).all()


@pytest.mark.parametrize("pattern", [pattern for _, pattern in PATTERNS], ids=lambda f: f.__name__)
def test_patterns_lie_within_0_and_1(pattern) -> None:
    for height, width, scale in ((40, 30, 5.0), (4, 5, 3.0), (17, 90, 40.0)):
        field = pattern(np.random.default_rng(1), height, width, scale)
        assert field.shape == (height, width)
        assert field.min() >= -0.2
        assert field.max() <= 1.2


def test_colours_are_near_where_they_shall_be() -> None:
    rng = np.random.default_rng(0)
    colours = draw_colours(rng, 6)
    rgb = to_rgb(colours)
    assert rgb.min() >= 0
    assert rgb.max() <= 255
    near = near_colours(rng, colours, 200, 4)
    distance = np.linalg.norm(near[:, None] - colours, axis=2).min(axis=1)
    assert np.median(distance) < 12
    assert noise(rng, 20, 30, 8).shape == (20, 30)
