"""GrabCut on pictures whose truth is known."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.errors import MaskError
from longtake.prompting.geodesic import geodesic
from longtake.prompting.grabcut import grabcut
from longtake.prompting.rough import Rough

BOX = (60.0, 30.0, 120.0, 90.0)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """A reddish disc on a greenish ground, both noisy."""
    noise = np.random.default_rng(0).integers(-12, 13, (120, 180, 3))
    rows, columns = np.mgrid[:120, :180]
    disc = (rows - 60) ** 2 + (columns - 90) ** 2 < 30**2
    image = np.where(disc[..., None], (190, 70, 60), (60, 130, 80)) + noise
    return image.clip(0, 255).astype(np.uint8), disc


@pytest.mark.parametrize(
    "rough",
    [
        Rough(box=BOX),
        Rough(box=BOX, points=((90, 60),), background_points=((62, 32),)),
        Rough(points=((90, 60),)),
        Rough(points=((80, 60), (100, 60), (90, 75)), background_points=((30, 60), (150, 60))),
        Rough(scribbles=(((70, 60), (110, 60)),)),
        Rough(scribbles=(((70, 60), (110, 60)),), background_scribbles=(((10, 10), (170, 10)),)),
    ],
)
def test_an_object_is_found_from_little(scene: tuple[np.ndarray, np.ndarray], rough: Rough) -> None:
    image, disc = scene
    before = image.copy()
    found = grabcut(image, rough)
    assert found.dtype == bool
    assert overlap(found, disc) > 0.95
    assert np.array_equal(found, grabcut(image, rough))
    assert np.array_equal(image, before)


def test_a_large_picture_is_worked_on_small_and_keeps_its_edge(scene: tuple[np.ndarray, np.ndarray]) -> None:
    image, disc = (np.kron(plane, np.ones((8, 8, *[1] * (plane.ndim - 2)), plane.dtype)) for plane in scene)
    found = grabcut(image, Rough(box=tuple(8 * edge for edge in BOX)))  # type: ignore[arg-type]
    assert overlap(found, disc.astype(bool)) > 0.95


def test_points_correct_only_what_they_point_to(scene: tuple[np.ndarray, np.ndarray]) -> None:
    image, disc = scene
    image = image.copy()
    image[5:25, 5:25] = image[60, 90]  # another red thing, which nothing points to
    lacking = disc & (np.arange(180) < 95)
    assert overlap(found := grabcut(image, Rough(points=((105, 60),)), lacking), disc) > 0.95
    assert not found[5:25, 5:25].any()
    spilled = disc.copy()
    spilled[40:80, 130:160] = True
    found = grabcut(image, Rough(background_points=((145, 60),)), spilled)
    assert not found[:, 130:].any()
    assert overlap(found, disc) > 0.95


def test_a_box_begins_anew(scene: tuple[np.ndarray, np.ndarray]) -> None:
    image, disc = scene
    wrong = np.zeros_like(disc)
    wrong[:20] = True
    assert overlap(grabcut(image, Rough(box=BOX), wrong), disc) > 0.95


@pytest.mark.parametrize(
    ("rough", "line"),
    [
        (Rough(box=(10, 10, 10, 20)), "box 10,10,10,20: left, top, right and bottom edge"),
        (Rough(box=(-1, 10, 30, 20)), "box -1,10,30,20: outside the frame, which is 180x120 pixels"),
        (Rough(box=(10, 10, 181, 20)), "outside the frame"),
        (Rough(points=((3, 4), (180, 4))), "point 180,4: outside the frame"),
        (Rough(scribbles=(((3, 4), (5, -2.5)),)), "point 5,-2.5: outside the frame"),
        (Rough(background_points=((3, 4),)), "only background is given"),
        (Rough(), "nothing is given; add a box"),
    ],
)
def test_what_cannot_be_is_one_line(scene: tuple[np.ndarray, np.ndarray], rough: Rough, line: str) -> None:
    with pytest.raises(MaskError, match=line):
        grabcut(scene[0], rough)


def test_a_mask_is_not_corrected_by_nothing(scene: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(MaskError, match="nothing is given"):
        grabcut(scene[0], Rough(), np.ones(scene[0].shape[:2], bool))


def test_a_plain_picture_gives_something_or_one_line() -> None:
    plain = np.full((40, 60, 3), 127, np.uint8)
    for rough in (Rough(box=(10, 10, 30, 30)), Rough(points=((20, 20),)), Rough(box=(0, 0, 60, 40))):
        try:
            assert grabcut(plain, rough).any()
        except MaskError as error:
            assert "nothing that differs" in str(error)


@settings(max_examples=25)
@given(st.data())
def test_a_box_s_mask_lies_in_the_box(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    image = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 256, (height, width, 3)).astype(np.uint8)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    point = (float(left), float(top))
    try:
        found = grabcut(image, Rough(box=(left, top, right, bottom), points=data.draw(st.sampled_from([(), (point,)]))))
    except MaskError:
        return
    found[top:bottom, left:right] = False
    assert not found.any()
    with contextlib.suppress(MaskError):
        assert grabcut(image, Rough(points=(point,))).shape == (height, width)


def test_a_geodesic_way_goes_around() -> None:
    image = np.zeros((3, 5, 3), np.uint8)
    image[:2, 2] = 200
    seeds = np.zeros((3, 5), bool)
    seeds[0, 0] = True
    distance = geodesic(image, seeds)
    assert distance[0, 1] == 2
    assert distance[0, 4] == 16  # eight steps below the wall, at 2 each
    assert np.isinf(geodesic(image, np.zeros((3, 5), bool))).all()
