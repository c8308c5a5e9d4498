from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from longtake.errors import MaskError
from longtake.types import Frame
from longtake.video.masks import read_masks
from longtake.video.palette import colours, voc_palette, write_labels
from longtake.video.prompts import MaskFolder


def save(path: Path, values: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(values, mode=mode).save(path) if mode else Image.fromarray(values).save(path)
    return path


def test_the_palette_is_that_of_pascal_voc() -> None:
    assert voc_palette()[:6].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [0, 0, 128],
        [128, 0, 128],
    ]
    assert voc_palette()[255].tolist() == [224, 224, 192]
    assert colours((256,)).tolist() == [[128, 0, 0]]


@given(st.lists(st.integers(0, 254), min_size=1, max_size=8, unique=True))
def test_ids_up_to_254_survive_a_palette_png(tmp_path_factory: pytest.TempPathFactory, ids: list[int]) -> None:
    labels = np.array([ids, ids], np.uint16)
    path = tmp_path_factory.mktemp("masks") / "m.png"
    write_labels(path, labels)
    read = read_masks(path)
    assert np.array_equal(read.labels, labels)
    assert read.ids == tuple(sorted(i for i in ids if i))


def test_ids_beyond_255_survive_as_16_bit(tmp_path: Path) -> None:
    labels = np.array([[0, 300], [65535, 2]], np.uint16)
    write_labels(tmp_path / "m.png", labels)
    assert np.array_equal(read_masks(tmp_path / "m.png").labels, labels)


def test_black_and_white_is_one_object(tmp_path: Path) -> None:
    values = np.array([[0, 255], [255, 0]], np.uint8)
    assert read_masks(save(tmp_path / "l.png", values)).ids == (1,)
    Image.fromarray(values > 0).save(tmp_path / "one.png")
    assert read_masks(tmp_path / "one.png").labels.tolist() == [[0, 1], [1, 0]]


def test_255_beside_ids_is_ignored(tmp_path: Path) -> None:
    values = np.kron(np.array([[0, 1], [2, 255]], np.uint8), np.ones((3, 3), np.uint8))
    assert np.array_equal(read_masks(save(tmp_path / "m.png", values)).labels, np.where(values == 255, 0, values))


def test_an_anti_aliased_mask_is_refused(tmp_path: Path) -> None:
    values = np.clip(np.arange(-200, 600), 0, 255).astype(np.uint8).reshape(20, 40)
    with pytest.raises(MaskError, match="anti-aliasing"):
        read_masks(save(tmp_path / "soft.png", values))


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_an_unreadable_mask_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.png").write_bytes(content)
    with pytest.raises(MaskError, match=r"m\.png: not a readable image"):
        read_masks(tmp_path / "m.png")


@pytest.mark.parametrize("channels", [3, 4])
def test_black_and_white_saved_as_colour_is_one_object(tmp_path: Path, channels: int) -> None:
    values = np.zeros((4, 4, channels), np.uint8)
    values[1:3, 1:3] = 255
    assert read_masks(save(tmp_path / "m.png", values)).labels.sum() == 4


def test_a_soft_brush_of_few_levels_is_not_taken_for_objects(tmp_path: Path) -> None:
    values = np.zeros((9, 9), np.uint8)
    values[1:8, 1:8], values[2:7, 2:7] = 128, 255
    with pytest.raises(MaskError, match="24 pixels of 1 stray values"):
        read_masks(save(tmp_path / "soft.png", values))


def test_a_png_cut_in_the_middle_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", np.random.default_rng(0).integers(0, 9, (64, 64), np.uint8))
    whole = path.read_bytes()
    for length in (20, 40, 100, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(MaskError, match=r"m\.png: not a readable image"):
            read_masks(path)


def frame(index: int, name: str) -> Frame:
    from fractions import Fraction

    return Frame(index, name, Fraction(index), True, np.zeros((2, 2, 3), np.uint8))


def test_masks_are_found_by_name_and_by_number(tmp_path: Path) -> None:
    for name in ("shot_b.png", "2.png", "0003.png", "notes.txt"):
        Image.fromarray(np.ones((2, 2), np.uint8)).save(tmp_path / name, format="PNG")
    folder = MaskFolder(tmp_path)
    given = [folder(frame(i, name)) is not None for i, name in enumerate(("shot_a", "shot_b", "shot_c", "shot_d"))]
    assert given == [False, True, True, True]
    folder.check_used()


def test_masks_whose_frame_never_comes_are_named(tmp_path: Path) -> None:
    save(tmp_path / "99.png", np.ones((2, 2), np.uint8))
    folder = MaskFolder(tmp_path)
    folder(frame(0, "000000"))
    with pytest.raises(MaskError, match=r"1 masks fit no frame.*99"):
        folder.check_used()
