import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake.data import augment
from longtake.data.images import read_rgb, reduction
from longtake.data.spline import Affine, Bent, Warp, bend, draw_warp
from longtake.errors import MissingExtraError

SIZE = (72, 96)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], np.ndarray]:
    """Ids, and an image into which they are drawn, in two formats."""
    ids = np.zeros((450, 613), np.uint8)
    cv2.circle(ids, (300, 220), 110, 1, -1)
    cv2.rectangle(ids, (20, 30), (150, 400), 2, -1)
    folder = tmp_path_factory.mktemp("drawn")
    for ending in ("jpg", "png"):
        Image.fromarray(np.dstack([ids * 100] * 3)).save(folder / f"a.{ending}", quality=95)
    return {path.suffix: path for path in folder.iterdir()}, ids


def geometry(rng: np.random.Generator, side: float) -> np.ndarray:
    """A window of about `side` source pixels, turned and sheared."""
    window = augment.crop((rng.uniform(200, 400), rng.uniform(150, 300)), side, SIZE, bool(rng.random() < 0.5))
    return augment.compose(augment.wobble(rng, augment.STILL, SIZE), window)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(40, 900), st.booleans(), st.sampled_from([".jpg", ".png"]))
def test_an_image_and_its_ids_stay_aligned(
    drawn: tuple[dict[str, Path], np.ndarray], seed: int, side: float, bent: bool, ending: str
) -> None:
    files, ids = drawn
    rng = np.random.default_rng(seed)
    warp = draw_warp(rng, geometry(rng, side), SIZE, chance=bent)
    assert isinstance(warp, Bent if bent else Affine)
    reduce = reduction(warp.scale)
    image, mask = warp.image(read_rgb(files[ending], reduce), reduce), warp.ids(ids)
    assert image.shape == (*SIZE, 3)
    assert mask.shape == SIZE
    assert set(np.unique(mask)) <= {0, 1, 2}
    inside = warp.ids(np.ones_like(ids))
    away = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) == 0
    surely = away & (cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0) > 0)
    assert (np.rint(image[..., 0] / 100) == mask)[surely].all()


@pytest.mark.parametrize("bent", [False, True])
def test_a_reduced_image_lies_where_the_whole_one_does(bent: bool) -> None:
    """A ramp shows shifts far below a pixel."""
    rng = np.random.default_rng(3)
    ramp = np.dstack(np.meshgrid(np.linspace(10, 240, 256), np.linspace(10, 240, 256)))
    ramp = np.dstack([ramp, ramp[..., :1]]).astype(np.uint8)
    matrix = augment.crop((128.0, 128.0), 200.0, (40, 40), flip=True)
    warp: Warp = bend(rng, matrix, (40, 40), sigma=0.005) if bent else Affine(matrix, (40, 40))
    whole = cv2.resize(ramp, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    error = warp.image(whole, 4).astype(float) - warp.image(ramp)
    assert abs(error.mean((0, 1))).max() < 0.3
    assert np.abs(error).max() <= 2


def test_a_spline_without_moves_is_the_affine_map(drawn: tuple[dict[str, Path], np.ndarray]) -> None:
    files, ids = drawn
    rng = np.random.default_rng(0)
    matrix, image = geometry(rng, 300), read_rgb(files[".png"])
    flat, affine = bend(rng, matrix, SIZE, sigma=0), Affine(matrix, SIZE)
    assert np.abs(flat.image(image).astype(int) - affine.image(image)).mean() < 0.5
    assert (flat.ids(ids) != affine.ids(ids)).mean() < 0.01


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_the_coarse_grid_gives_the_spline_itself(seed: int) -> None:
    """Points and moves are drawn again here, and the spline evaluated at every pixel."""
    from scipy.interpolate import RBFInterpolator

    size = (41, 64)
    warp = bend(np.random.default_rng(seed), np.eye(2, 3), size, points=5)
    rng = np.random.default_rng(seed)
    spline = RBFInterpolator(rng.uniform(0, 1, (5, 2)), rng.normal(0, 0.02, (5, 2)), kernel="thin_plate_spline")
    places = np.dstack(np.meshgrid(np.arange(64) / 64, np.arange(41) / 41)).reshape(-1, 2)
    exact = (spline(places) * [64, 41]).reshape(41, 64, 2)
    assert np.abs(warp.shift - exact).mean() < 0.05 + 0.02 * np.abs(exact).max()


def test_ids_are_never_interpolated() -> None:
    ids = np.array([[0, 9], [9, 255]], np.uint8).repeat(20, 0).repeat(20, 1)
    warp = bend(np.random.default_rng(1), augment.crop((20.0, 20.0), 37.0, (64, 64), flip=False), (64, 48))
    assert set(np.unique(warp.ids(ids))) == {0, 9, 255}


def test_cut_outs_are_transparent_outside() -> None:
    cutout = np.full((30, 30, 4), 200, np.uint8)
    matrix = augment.crop((15.0, 15.0), 90.0, (60, 80), flip=False)
    for warp in (Affine(matrix, (60, 80)), bend(np.random.default_rng(0), matrix, (60, 80))):
        image = warp.image(cutout)
        assert image.shape == (60, 80, 4)
        assert not image[:5].any()
        assert image[30, 30, 3] == 200


def test_without_scipy_the_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.interpolate", None)
    with pytest.raises(MissingExtraError, match=r"longtake\[train\]"):
        bend(np.random.default_rng(0), np.eye(2, 3), SIZE)
