from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from longtake.errors import MaskError
from longtake.types import Frame, Masks
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


# every mode that a mask comes in: the same two objects


LAYOUT = np.kron(np.array([[0, 1, 1], [0, 0, 2]]), np.ones((4, 4), int))


def indexed(values: np.ndarray) -> Image.Image:
    image = Image.fromarray(values.astype(np.uint8), mode="P")
    image.putpalette(voc_palette().tobytes())
    return image


def coloured(first: tuple[int, ...], second: tuple[int, ...]) -> Image.Image:
    clear = (0,) * len(first)
    return Image.fromarray(np.array([clear, first, second], np.uint8)[LAYOUT])


MODES = {
    "palette": indexed(LAYOUT),
    "grey": Image.fromarray(LAYOUT.astype(np.uint8)),
    "16 bits": Image.fromarray(LAYOUT.astype(np.uint16)),
    "32 bits": Image.fromarray(LAYOUT.astype(np.int32)),
    "grey as RGB": Image.fromarray(np.repeat(LAYOUT[..., None], 3, axis=2).astype(np.uint8)),
    "grey and alpha": Image.fromarray(np.dstack([LAYOUT, np.full_like(LAYOUT, 255)]).astype(np.uint8)),
    "RGB of the palette": coloured((128, 0, 0), (0, 128, 0)),
    "RGB of any colours": coloured((10, 200, 30), (200, 10, 30)),
    "RGBA": coloured((10, 200, 30, 255), (200, 10, 30, 255)),
}


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_every_mode_gives_the_same_objects(tmp_path: Path, mode: str, ending: str) -> None:
    if (ending == "webp" and not mode.startswith(("RGB", "grey as"))) or (ending == "png" and mode == "32 bits"):
        pytest.skip("no such images")
    path = tmp_path / f"m.{ending}"
    MODES[mode].save(path, **({"lossless": True} if ending == "webp" else {}))
    masks = read_masks(path)
    assert masks.ids == (1, 2)
    assert np.array_equal(masks.labels, LAYOUT)


def test_colours_mean_the_same_in_every_mask_and_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    coloured((9, 200, 30), (200, 9, 30)).save(tmp_path / "0.png")
    coloured((200, 9, 30), (5, 5, 250)).save(tmp_path / "1.png")
    folder = MaskFolder(tmp_path)
    with caplog.at_level("INFO", "longtake"):
        first, second = folder(frame(0, "0")), folder(frame(1, "1"))
    assert first is not None
    assert second is not None
    assert np.array_equal(first.labels, LAYOUT)
    assert np.array_equal(second.labels, np.array([0, 2, 3])[LAYOUT])
    assert [m.partition(": ")[2] for m in caplog.messages] == [
        "colours taken for objects: #09c81e is 1, #c8091e is 2",
        "colours taken for objects: #0505fa is 3",
    ]


def test_transparent_pixels_are_background(tmp_path: Path) -> None:
    values = np.full((8, 8, 4), (200, 10, 30, 0), np.uint8)
    values[2:6, 2:6, 3] = 255
    masks = read_masks(save(tmp_path / "m.png", values))
    assert masks.labels.sum() == 16
    values[2, 2:6, 3] = 128
    with pytest.raises(MaskError, match=r"m\.png: 4 pixels are half transparent"):
        read_masks(save(tmp_path / "m.png", values))


def disc(size: int = 64) -> np.ndarray:
    """A disc's exact coverage of each pixel, 0 to 1."""
    y, x = np.mgrid[: 8 * size, : 8 * size] / 8
    inside = np.hypot(y - size / 2, x - size / 2) < size / 3
    return inside.reshape(size, 8, size, 8).mean(axis=(1, 3))


@pytest.mark.parametrize("level", [255, 128, 40])
def test_soft_edges_of_any_grey_are_refused_with_their_number(tmp_path: Path, level: int) -> None:
    values = np.round(disc() * level).astype(np.uint8)
    between = values[(values > 0) & (values < level)]
    expected = f"{len(between)} pixels of {len(np.unique(between))} stray values"
    with pytest.raises(MaskError, match=rf"m\.png: {expected}"):
        read_masks(save(tmp_path / "m.png", values))


def test_soft_edges_between_colours_are_refused(tmp_path: Path) -> None:
    values = np.round(disc()[..., None] * np.array([250, 40, 10])).astype(np.uint8)
    with pytest.raises(MaskError, match="stray values, as of soft edges"):
        read_masks(save(tmp_path / "m.png", values))


def test_a_mask_saved_as_jpeg_is_refused(tmp_path: Path) -> None:
    values = np.where(disc() > 0.5, 255, 0).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "m.jpg")
    with pytest.raises(MaskError, match="JPEG blurs masks; save it as PNG"):
        read_masks(tmp_path / "m.jpg")


def test_a_thin_object_beside_another_is_no_soft_edge(tmp_path: Path) -> None:
    values = np.zeros((32, 32), np.uint8)
    values[4:12, 4:12], values[8, 12:30] = 3, 7
    assert read_masks(save(tmp_path / "m.png", values)).ids == (3, 7)


@given(
    st.lists(st.integers(1, 65_535), min_size=1, max_size=6, unique=True),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_any_ids_survive_being_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, ids: list[int], height: int, width: int
) -> None:
    rng = np.random.default_rng(len(ids))
    labels = np.array([0, *ids], np.uint16)[rng.integers(0, len(ids) + 1, (height, width))]
    path = tmp_path_factory.mktemp("masks") / "m.png"
    write_labels(path, labels)
    assert np.array_equal(read_masks(path).labels, labels)


@pytest.mark.parametrize("wrong", [0, -1, 65_536, True, "1", 1.0])
def test_ids_outside_1_to_65535_are_refused(wrong: object) -> None:
    with pytest.raises(MaskError, match="ids are whole numbers from 1 to 65535"):
        Masks.of({wrong: np.ones((2, 2), bool)})  # type: ignore[dict-item]


def test_arrays_of_ids_are_checked() -> None:
    assert Masks.of(np.array([[0, 9], [400, 9]])).ids == (9, 400)
    assert Masks.of({5: np.eye(2), 7: [[1, 0], [0, 0]]}).labels.tolist() == [[7, 0], [0, 5]]
    for wrong in (np.array([[70_000]]), np.array([[-1]]), np.ones((2, 2)), np.ones((2, 2, 1), int)):
        with pytest.raises(MaskError, match="the given masks: "):
            Masks.of(wrong)
    with pytest.raises(MaskError, match="masks of shapes"):
        Masks.of({1: np.ones((2, 2)), 2: np.ones((3, 2))})


def test_a_mask_of_too_large_an_id_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match=r"m\.tif: object id 65536"):
        read_masks(save(tmp_path / "m.tif", np.full((2, 2), 65_536, np.int32)))


def test_a_folder_without_any_object_is_named(tmp_path: Path) -> None:
    save(tmp_path / "0.png", np.zeros((2, 2), np.uint8))
    folder = MaskFolder(tmp_path)
    assert folder(frame(0, "0")) is not None
    with pytest.raises(MaskError, match="no mask pixels in any mask"):
        folder.check_used()


def test_a_colour_of_the_palette_and_another_never_share_an_id(tmp_path: Path) -> None:
    coloured((0, 0, 255), (128, 0, 0)).save(tmp_path / "0.png")
    coloured((0, 0, 200), (0, 128, 0)).save(tmp_path / "1.png")
    folder = MaskFolder(tmp_path)
    first, second = folder(frame(0, "0")), folder(frame(1, "1"))
    assert first is not None
    assert second is not None
    assert first.labels[0, 11] == 2  # blue, which is in no palette, after maroon, which is 1
    assert first.labels[7, 11] == 1
    assert sorted({*first.ids, *second.ids}) == [1, 2, 3, 4]


def test_a_palette_that_begins_with_white_is_read_by_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray((LAYOUT == 0).astype(np.uint8), mode="P")  # index 1 is black, the background
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "m.png")
    assert np.array_equal(read_masks(tmp_path / "m.png").labels, LAYOUT > 0)


@pytest.mark.parametrize(("index", "ids"), [(0, (1, 2)), (1, (2,))])
def test_a_transparent_index_is_background(tmp_path: Path, index: int, ids: tuple[int, ...]) -> None:
    MODES["palette"].save(tmp_path / "m.png", transparency=index)
    assert read_masks(tmp_path / "m.png").ids == ids


@pytest.mark.parametrize("mode", ["P", "I;16"])
def test_soft_edges_are_refused_in_palettes_and_16_bits_too(tmp_path: Path, mode: str) -> None:
    if mode == "P":
        image = Image.fromarray(np.round(disc() * 255).astype(np.uint8), mode="P")
        image.putpalette([level for level in range(256) for _ in range(3)])
    else:
        image = Image.fromarray(np.round(disc() * 65_535).astype(np.uint16))
    image.save(tmp_path / "m.png")
    with pytest.raises(MaskError, match="stray values"):
        read_masks(tmp_path / "m.png")


def test_white_beside_other_greys_is_an_object_and_beside_small_ids_it_is_none(tmp_path: Path) -> None:
    greys = np.kron(np.array([[0, 85], [170, 255]], np.uint8), np.ones((9, 9), np.uint8))
    assert read_masks(save(tmp_path / "m.png", greys)).ids == (85, 170, 255)
    small = np.where(greys == 85, 1, np.where(greys == 170, 0, greys)).astype(np.uint8)
    small[9:, :] = 255
    assert read_masks(save(tmp_path / "n.png", small)).ids == (1,)
    pair = np.zeros((32, 32), np.uint8)
    pair[2:10, 2:10], pair[12:30, 12:30] = 128, 255
    assert read_masks(save(tmp_path / "o.png", pair)).ids == (128, 255)


def test_objects_of_a_pixel_or_a_line_are_objects(tmp_path: Path) -> None:
    values = np.zeros((32, 32), np.uint8)
    values[10:20, 10:20] = 3
    values[2, 2], values[5, 9], values[30, 30], values[9, 10:20], values[20, 20] = 1, 2, 9, 7, 5
    assert read_masks(save(tmp_path / "m.png", values)).ids == (1, 2, 3, 5, 7, 9)


def test_a_photograph_is_no_mask(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    with pytest.raises(MaskError, match="stray values"):
        read_masks(save(tmp_path / "m.png", values))


def test_id_255_survives_our_own_output(tmp_path: Path) -> None:
    labels = np.kron(np.array([[0, 2], [255, 2]]), np.ones((4, 4), int)).astype(np.uint16)
    write_labels(tmp_path / "m.png", labels)
    assert np.array_equal(read_masks(tmp_path / "m.png").labels, labels)


def test_16_bits_per_colour_are_refused(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "m.png"), np.ones((8, 8, 3), np.uint16))
    with pytest.raises(MaskError, match="16 bits per colour"):
        read_masks(tmp_path / "m.png")


def test_masks_are_turned_as_their_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    MODES["grey"].save(tmp_path / "m.png", exif=exif)
    assert np.array_equal(read_masks(tmp_path / "m.png").labels, LAYOUT[::-1, ::-1])


def test_numbers_of_masks_are_those_in_the_frames_names(tmp_path: Path) -> None:
    save(tmp_path / "10.png", np.ones((2, 2), np.uint8))
    folder = MaskFolder(tmp_path)
    given_on = [f"{i:04d}" for i in range(5, 30) if folder(frame(i - 5, f"{i:04d}")) is not None]
    assert given_on == ["0010"]


def test_two_masks_of_one_name_are_refused(tmp_path: Path) -> None:
    for ending in ("png", "tif"):
        save(tmp_path / f"0.{ending}", np.ones((2, 2), np.uint8))
    with pytest.raises(MaskError, match="several masks are named 0"):
        MaskFolder(tmp_path)


def test_a_mask_that_covers_nearly_all_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = np.ones((20, 20), np.uint16)
    labels[:1] = 0
    for index in range(2):
        write_labels(tmp_path / f"{index}.png", labels)
    masks = MaskFolder(tmp_path)
    assert masks.of("0", 0) is not None and masks.of("1", 1) is not None
    (said,) = caplog.messages
    assert said == f"{tmp_path / '0.png'}: object 1 covers 95 % of the frame; is the mask inverted?"
    labels[:2] = 0
    write_labels(tmp_path / "0.png", labels)
    MaskFolder(tmp_path / "0.png").of("0", 0)
    assert len(caplog.messages) == 1
