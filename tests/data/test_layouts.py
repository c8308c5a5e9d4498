"""Data sets found out by looking, in all the ways in which they lie about."""

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datasets
from longtake.data.dataset import masks_by_video
from longtake.data.labels import read_labels
from longtake.data.layouts import is_dataset, open_dataset
from longtake.errors import InputError

CLIPS = {"cup": datasets.clip(4, (1, 2)), "dog": datasets.clip(5, (1,))}


def found(path: Path, split: str | None = None) -> tuple[str, str, list[tuple[str, int, int]]]:
    data = open_dataset(path, split)
    return data.layout, data.split, [(video.name, len(video.frames), len(video.masks)) for video in data.videos]


BOTH = [("cup", 4, 4), ("dog", 5, 5)]


def test_davis(tmp_path: Path) -> None:
    root = datasets.davis(tmp_path, CLIPS)
    datasets.davis(tmp_path, {"dog": CLIPS["dog"]}, split="train")
    assert found(root) == ("davis", "val", BOTH)
    assert found(root, "train") == ("davis", "train", BOTH[1:])
    assert found(root / "Annotations/480p") == ("folders", "all", [("cup", 0, 4), ("dog", 0, 5)])
    assert found(root / "Annotations") == ("folders", "all", [("cup", 0, 4), ("dog", 0, 5)])
    assert is_dataset(root)
    with pytest.raises(InputError, match="its splits are train, val"):
        open_dataset(root, "test")


def test_davis_in_another_resolution_and_without_lists(tmp_path: Path) -> None:
    root = datasets.davis(tmp_path, CLIPS)
    for kind in ("Annotations", "JPEGImages"):
        (root / kind / "480p").rename(root / kind / "Full-Resolution")
    assert found(root) == ("davis", "val", BOTH)
    shutil.rmtree(root / "ImageSets")
    assert found(root) == ("folders", "all", BOTH)
    shutil.copytree(root / "Annotations/Full-Resolution/dog", root / "Annotations/480p/dog")
    assert found(root) == ("folders", "all", [("dog", 0, 5)])


def test_the_lists_of_the_first_davis_name_files(tmp_path: Path) -> None:
    root = datasets.davis(tmp_path, CLIPS)
    lines = [f"/JPEGImages/480p/dog/{t:05d}.jpg /Annotations/480p/dog/{t:05d}.png" for t in range(5)]
    (root / "ImageSets/480p").mkdir()
    (root / "ImageSets/480p/all.txt").write_text("\n".join(lines))
    assert found(root, "all")[2] == BOTH[1:]


@pytest.mark.parametrize("layout", ["youtube_vos", "lvos", "mose"])
def test_splits(tmp_path: Path, layout: str) -> None:
    write = getattr(datasets, layout)
    for split in ("train", "valid"):
        write(tmp_path, CLIPS, split=split)
    name = layout.replace("_", "-")
    assert found(tmp_path) == (name, "valid", BOTH)
    assert found(tmp_path, "train") == (name, "train", BOTH)
    assert found(tmp_path / "train") == (name, "train", BOTH)
    with pytest.raises(InputError, match="is a split itself, train; leave --split out"):
        open_dataset(tmp_path / "train", "valid")
    with pytest.raises(InputError, match="no split test; its splits are train, valid"):
        open_dataset(tmp_path, "test")


def test_all_frames_have_the_masks_of_the_others(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path, CLIPS)
    for t in range(21):
        datasets.picture(root / f"valid_all_frames/JPEGImages/dog/{t:05d}.jpg", CLIPS["dog"][0])
    assert found(root, "valid_all_frames") == ("youtube-vos", "valid_all_frames", [("cup", 0, 4), ("dog", 21, 5)])


@pytest.mark.parametrize("name", ["val_meta.json", "../valid_meta.json", "valid_expression_meta.json", "meta.json"])
def test_the_metadata_of_lvos_lies_here_and_there(tmp_path: Path, name: str) -> None:
    folder = datasets.lvos(tmp_path, CLIPS) / "valid"
    (folder / "valid_meta.json").rename(folder / name)
    assert found(tmp_path)[0] == "lvos" and open_dataset(folder).videos[0].objects[2].range is not None


def test_videos_come_in_the_order_of_the_metadata(tmp_path: Path) -> None:
    datasets.lvos(tmp_path, {"zoo": CLIPS["dog"], "ant": CLIPS["cup"]})
    assert [video.name for video in open_dataset(tmp_path).videos] == ["zoo", "ant"]


def test_a_list_of_videos(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", {"my video": CLIPS["dog"], "cup": CLIPS["cup"]})
    (tmp_path / "list.txt").write_text("\ufeffmy video\n", encoding="utf-8")
    data = open_dataset(root, str(tmp_path / "list.txt"))
    assert (data.split, data.root, [video.name for video in data.videos]) == ("list", root / "valid", ["my video"])
    davis = datasets.davis(tmp_path / "e", {"my video": CLIPS["dog"], "cup": CLIPS["cup"]})
    assert found(davis, str(tmp_path / "list.txt")) == ("davis", "list", [("my video", 5, 5)])
    for text, line in (("owl\n", "has no video owl"), ("\n", "names no video")):
        (tmp_path / "list.txt").write_text(text)
        for path in (root, davis):
            with pytest.raises(InputError, match=line):
                open_dataset(path, str(tmp_path / "list.txt"))
    with pytest.raises(InputError, match="no such file; --split takes"):
        open_dataset(root, "nowhere.txt")


def test_plain_folders(tmp_path: Path) -> None:
    root = datasets.folders(tmp_path, CLIPS)
    assert found(root) == ("folders", "all", [("cup", 0, 4), ("dog", 0, 5)])
    assert found(root / "dog") == ("folders", "all", [("dog", 0, 5)])
    Image.new("L", (8, 8)).save(root / "thumbnail.png")
    assert found(root) == ("folders", "all", [("cup", 0, 4), ("dog", 0, 5)])
    with pytest.raises(InputError, match="which has no split val"):
        open_dataset(root, "val")


@pytest.mark.parametrize(
    "below", ["", "Annotations", "Annotations/480p", "Annotations/Full", "predictions", "x/Annotations"]
)
def test_predictions_lie_at_the_root_or_below(tmp_path: Path, below: str) -> None:
    datasets.folders(tmp_path / below, CLIPS)
    (tmp_path / "overview.png").write_bytes(b"")
    files = masks_by_video(tmp_path, ["cup", "dog"])
    assert (len(files["cup"]), len(files["dog"])) == (4, 5)
    assert len(masks_by_video(tmp_path, ["dog"])["dog"]) == 5


def test_the_frames_of_the_only_video_may_lie_at_the_root(tmp_path: Path) -> None:
    datasets.folders(tmp_path, {"dog": CLIPS["dog"]})
    assert len(masks_by_video(tmp_path / "dog", ["dog"])["dog"]) == 5
    with pytest.raises(InputError, match="any of the 2 videos \\(cup, owl\\)"):
        masks_by_video(tmp_path, ["cup", "owl"])
    with pytest.raises(InputError, match="a file and no folder"):
        masks_by_video(tmp_path / "dog/00000.png", ["dog"])


def test_what_segment_wrote_is_predictions(tmp_path: Path) -> None:
    datasets.folders(tmp_path / "result", {"labels": CLIPS["dog"]})
    datasets.folders(tmp_path / "results/dog", {"labels": CLIPS["dog"]})
    assert len(masks_by_video(tmp_path / "result", ["dog"])["dog"]) == 5
    assert len(masks_by_video(tmp_path / "results", ["cup", "dog"])["dog"]) == 5
    with pytest.raises(InputError, match="result/VIDEO/FRAME"):
        masks_by_video(tmp_path / "result", ["cup", "dog"])


@pytest.mark.parametrize(("bits", "most"), [(1, 1), (2, 3), (4, 15)])
def test_greys_of_few_bits_are_ids(tmp_path: Path, bits: int, most: int) -> None:
    labels = np.tile(np.arange(most + 1, dtype=np.uint8), (4, 16 // (most + 1)))
    _write_png(tmp_path / "a.png", labels, bits)
    assert np.array_equal(read_labels(tmp_path / "a.png"), labels)


def _write_png(path: Path, labels: np.ndarray, bits: int) -> None:
    """A greyscale PNG of 1, 2 or 4 bits, which Pillow does not write."""
    height, width = labels.shape
    spread = (labels[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1
    rows = np.packbits(spread.reshape(height, width * bits), axis=1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
