from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake.data.images import Store, read_ids, read_rgb, read_rgba, reduction
from longtake.data.labels import white_in
from longtake.errors import InputError, MaskError, UnreadableError
from longtake.video.palette import voc_palette


def smooth(height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 255, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def grey(path: Path, *values: int, mode: str = "L") -> Path:
    """A mask with a patch of 6x6 pixels for each value."""
    labels = np.repeat(np.repeat(np.array([values]), 6, 0), 6, 1)
    image = Image.fromarray(labels.astype(np.uint16 if mode == "I;16" else np.uint8))
    if mode == "P":
        image = image.convert("L")
        image.putpalette(voc_palette().tobytes())
    image.save(path)
    return path


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("size", [(97, 131), (64, 96), (41, 200)])
def test_a_reduced_image_holds_the_means_of_its_pixels(tmp_path: Path, ending: str, size: tuple[int, int]) -> None:
    height, width = size
    Image.fromarray(smooth(height, width)).save(path := tmp_path / f"a.{ending}", quality=95)
    whole = read_rgb(path).astype(float)
    assert whole.shape == (height, width, 3)
    for reduce in (1, 2, 4, 8):
        image = read_rgb(path, reduce)
        assert image.shape == (-(-height // reduce), -(-width // reduce), 3)
        rows, columns = height // reduce, width // reduce
        means = whole[: rows * reduce, : columns * reduce].reshape(rows, reduce, columns, reduce, 3).mean((1, 3))
        assert np.abs(image[:rows, :columns] - means).mean() < 1.5


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_orientation_is_ignored_whatever_the_size(tmp_path: Path, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth(40, 64)).save(path := tmp_path / f"a.{ending}", exif=exif)
    assert [read_rgb(path, reduce).shape[:2] for reduce in (1, 2, 8)] == [(40, 64), (20, 32), (5, 8)]


@given(st.floats(0.01, 1000))
def test_a_reduction_never_goes_below_the_wanted_resolution(scale: float) -> None:
    reduce = reduction(scale)
    assert reduce in (1, 2, 4, 8)
    assert reduce <= scale or reduce == 1
    assert reduce == 8 or 2 * reduce > scale


@pytest.mark.parametrize("read", [read_rgb, read_rgba, read_ids])
def test_what_cannot_be_decoded_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    (tmp_path / "empty.png").touch()
    (tmp_path / "words.png").write_text("no image")
    Image.fromarray(smooth(60, 80)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    for name, why in [("lacking", "no such file"), *((n, "not a readable image") for n in ("empty", "words", "cut"))]:
        with pytest.raises(UnreadableError, match=rf"{name}\.png: {why}"):
            read(tmp_path / f"{name}.png")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_short_is_noticed(tmp_path: Path, progressive: bool) -> None:
    image = Image.fromarray(smooth(300, 400))
    image.resize((40, 30)).save(tmp_path / "small.jpg")
    exif = Image.Exif()
    exif[0x9286] = (tmp_path / "small.jpg").read_bytes()  # as a thumbnail, which has an end of its own
    image.save(path := tmp_path / "a.jpg", quality=95, progressive=progressive, exif=exif)
    whole = path.read_bytes()
    for rest in (b"", b"\0" * 5000, b"appended by a telephone"):
        path.write_bytes(whole + rest)
        assert read_rgb(path).shape == (300, 400, 3)
    for length in (len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole[:length])
        for reduce in (1, 4):
            with pytest.raises(UnreadableError, match=r"a\.jpg: not a readable image \(cut short\)"):
                read_rgb(path, reduce)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_white_is_void_beside_ids_and_an_object_alone(tmp_path: Path, mode: str) -> None:
    beside, alone = grey(tmp_path / "1.png", 0, 3, 255, mode=mode), grey(tmp_path / "2.png", 0, 255, mode=mode)
    empty = grey(tmp_path / "0.png", 0, 0, mode=mode)
    for white in (None, True, False):
        assert set(np.unique(read_ids(beside, white))) == {0, 3, 255}
        assert set(np.unique(read_ids(alone, white))) == {0, 255 if white is False else 1}
    assert not white_in([tmp_path / "lacking.png", empty, beside, alone])
    assert white_in([empty, alone, beside])


def test_ids_are_read_as_they_stand(tmp_path: Path) -> None:
    assert set(np.unique(read_ids(grey(tmp_path / "a.png", 0, 7, 254, mode="I;16")))) == {0, 7, 254}
    assert set(np.unique(read_ids(grey(tmp_path / "a.png", 0, 70, 200, 255, mode="P")))) == {0, 70, 200, 255}
    assert set(np.unique(read_ids(grey(tmp_path / "a.png", 0, 70, 200, 255)))) == {0, 70, 200, 255}
    assert len(np.unique(read_ids(grey(tmp_path / "a.png", *range(46), 255)))) == 47
    speck = np.pad(np.arange(46, dtype=np.uint8)[None], ((0, 4), (0, 0)))
    Image.fromarray(speck).save(tmp_path / "a.png")
    assert np.array_equal(read_ids(tmp_path / "a.png"), speck)
    Image.fromarray(np.eye(8) > 0).save(tmp_path / "a.png")
    assert np.array_equal(read_ids(tmp_path / "a.png"), np.eye(8))
    colours = np.repeat(np.repeat(voc_palette()[None, [0, 2, 5]], 6, 0), 6, 1)
    Image.fromarray(colours).save(tmp_path / "a.png")
    assert set(np.unique(read_ids(tmp_path / "a.png"))) == {0, 2, 5}


def test_soft_edges_and_large_ids_are_no_unreadable_files(tmp_path: Path) -> None:
    soft = cv2.GaussianBlur(np.kron(np.array([[0, 255]], np.uint8), np.ones((40, 40), np.uint8)), (0, 0), 4)
    Image.fromarray(soft).save(tmp_path / "soft.png")
    for path, why in [
        (tmp_path / "soft.png", "soft edges"),
        (grey(tmp_path / "a.png", 0, 300, mode="I;16"), "id 300"),
        (grey(tmp_path / "b.png", 0, 255, mode="I;16"), "id 255"),
    ]:
        with pytest.raises(MaskError, match=why) as raised:
            read_ids(path)
        assert not isinstance(raised.value, UnreadableError)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("store")
    for number in range(6):
        Image.fromarray(np.dstack([smooth(16 + 8 * number, 24)[..., :1]] * 4)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12_000), st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 2])), max_size=40))
def test_a_store_returns_what_reading_would_and_stays_small(
    files: list[Path], limit: int, asked: list[tuple[int, int]]
) -> None:
    store = Store(limit)
    for number, reduce in asked:
        path = files[number]
        array = store.rgb(path, reduce) if reduce else store.rgba(path)
        assert np.array_equal(array, read_rgb(path, reduce) if reduce else read_rgba(path))
        assert not array.flags.writeable
        assert store.size <= limit
        assert store.size == sum(kept.nbytes for kept in store._kept.values())
    assert store.hits + store.misses == len(asked)
    assert limit or not store.hits


def test_a_store_forgets_what_was_not_asked_for_longest(files: list[Path]) -> None:
    a, b, c = files[:3]
    sizes = [read_rgb(path).nbytes for path in (a, b, c)]
    store = Store(sum(sizes) - 1)
    for path in (a, b, a, c):
        store.rgb(path)
    assert (store.hits, store.misses) == (1, 3)
    store.rgb(a)
    store.rgb(c)
    assert store.hits == 3
    store.rgb(b)
    assert store.misses == 4
    with pytest.raises(ValueError, match="read-only"):
        store.rgb(a)[0] = 0
    with pytest.raises(InputError):
        store.rgb(a.with_name("lacking.png"))
