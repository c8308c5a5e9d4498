import cv2
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longtake.data import augment
from longtake.data.clips import Shape, draw_window, keep_objects
from longtake.data.paste import Drawn, cut, paste
from longtake.data.synthetic import demo_clip


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
@example(613087, False)  # the circle's edge lies just beyond a corner of the crop
def test_an_image_and_its_mask_stay_aligned(seed: int, still: bool) -> None:
    """The mask is drawn into the image; after the same geometry it must still lie there."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((120, 160), np.uint8)
    cv2.circle(ids, (int(rng.integers(40, 120)), int(rng.integers(40, 80))), 25, 1, -1)
    image = np.dstack([ids * 255] * 3)
    how = augment.STILL if still else augment.VIDEO
    matrix = augment.compose(augment.wobble(rng, how, (96, 96)), draw_window(rng, ids, Shape(2, (96, 96))))
    warped, mask = augment.warp_image(image, matrix, (96, 96)), augment.warp_ids(ids, matrix, (96, 96))
    inside = cv2.warpAffine(np.ones_like(ids), matrix, (96, 96), flags=cv2.INTER_NEAREST) > 0
    away = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) == 0
    surely = away & (cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    assert ((warped[..., 0] > 127) == (mask > 0))[2:-2, 2:-2][surely[2:-2, 2:-2]].all()


def test_masks_are_never_interpolated() -> None:
    ids = np.array([[0, 9], [9, 200]], np.uint8).repeat(20, 0).repeat(20, 1)
    matrix = augment.crop((20.0, 20.0), 37.0, (64, 64), flip=True)
    assert set(np.unique(augment.warp_ids(ids, matrix, (64, 64)))) <= {0, 9, 200}


def test_objects_too_small_or_too_large_are_not_followed() -> None:
    ids = np.zeros((100, 100), np.uint8)
    ids[:80] = 1
    ids[90:, :20] = 2
    ids[99, 99] = 3
    assert set(np.unique(keep_objects(np.random.default_rng(0), ids, 3))) == {0, 2}


def test_a_pasted_object_carries_its_id_and_covers_others() -> None:
    image = np.full((20, 20, 3), 200, np.uint8)
    cutout = cut(image, np.ones((20, 20), bool))
    clip = Drawn([np.zeros((64, 64, 3), np.uint8)] * 3, [np.full((64, 64), 5, np.uint8)] * 3)
    paste(np.random.default_rng(1), clip, cutout, 7, side=30)
    for frame, ids in zip(clip.images, clip.ids, strict=True):
        assert set(np.unique(ids)) <= {5, 7}
        assert (frame[ids == 7] > 90).all()
        assert (frame[ids == 5] < 110).all()


def test_the_demo_shows_what_it_promises() -> None:
    frames = list(demo_clip(frames=30, height=90, width=160))
    counts = np.array([[(ids == name).sum() for name in (1, 2, 3)] for _, ids in frames])
    assert (counts[0] > 0).all()
    assert counts[:, 0].min() < 0.6 * counts[0, 0]  # the star is hidden in part
    assert counts[15, 2] == 0  # the triangle is gone
    assert counts[-1, 2] > 0.5 * counts[0, 2]  # and back
