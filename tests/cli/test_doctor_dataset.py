"""`doctor` on data sets and predictions in every layout: each fault, alike ones in a line, none where there is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import datasets

CLIPS = {"cup": datasets.clip(6, (1, 2)), "dog": datasets.clip(8, (1,))}
LATE = {"cup": datasets.clip(6, (1, 2), late={2: 3}), "dog": datasets.clip(8, (1,))}


@pytest.fixture
def told(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What doctor says of a path, with single spaces; its status has to fit."""

    def call(path: Path, status: int = 0) -> str:
        capfd.readouterr()
        assert run("doctor", path) == status
        captured = capfd.readouterr()
        assert captured.err == "" and captured.out.endswith("no problems\n") is (status == 0)
        return "\n".join(" ".join(line.split()) for line in captured.out.splitlines())

    return call


Told = Callable[..., str]


def problems(text: str) -> list[str]:
    return [line.removeprefix("PROBLEM: ") for line in text.splitlines() if line.startswith("PROBLEM: ")]


def change(meta: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(meta.read_text())
    edit(content["videos"])
    meta.write_text(json.dumps(content))


def test_davis(tmp_path: Path, told: Told) -> None:
    root = datasets.davis(tmp_path, CLIPS)
    datasets.davis(root, {"owl": datasets.clip(7, (1, 3), late={3: 2})}, split="train")
    text = told(root)
    for line in (
        "a data set in the layout of DAVIS",
        "lists 2017/train (1), 2017/val (2)",
        "videos 3",
        "frames 21",
        "sizes 64x48",
        "masks 21, every frame",
        "objects 5, ids 1 to 3, at most 2 in a video",
        "come late 1 object in 1 video",
        "note: ids are not 1, 2, 3, ... in 1 video: owl",
    ):
        assert line in text, line


def test_every_fault_of_a_davis_folder(tmp_path: Path, told: Told) -> None:
    root = datasets.davis(tmp_path, {**CLIPS, "hen": CLIPS["dog"], "yak": CLIPS["dog"]})
    images, masks = (root / kind / "480p" for kind in ("JPEGImages", "Annotations"))
    with (root / "ImageSets" / "2017" / "val.txt").open("a") as file:
        file.write("owl\n")
    (root / "ImageSets" / "2017" / "train.txt").write_text("")
    for path in (images / "cup").iterdir():
        path.write_bytes(b"")
    whole = (images / "dog" / "00001.jpg").read_bytes()
    (images / "dog" / "00001.jpg").write_bytes(whole[: len(whole) // 2])
    datasets.picture(images / "dog" / "00002.jpg", np.zeros((24, 32), np.uint8))
    (images / "dog" / "00003.jpg").unlink()
    Image.new("RGB", (64, 48)).save(images / "dog" / "00004.jpeg")
    (masks / "dog" / "00005.png").write_bytes(b"")
    for name in ("00006", "00007"):
        Image.new("RGB", (64, 48), "red").save(masks / "dog" / f"{name}.png")
    for path in (masks / "hen").iterdir():
        path.unlink()
    (masks / "hen").rmdir()
    for path in (masks / "yak").iterdir():
        Image.open(path).convert("L").save(path.with_suffix(".jpg"))
        path.unlink()
    assert problems(told(root, 1)) == [
        f"{root / 'ImageSets' / '2017' / 'train.txt'}: names no sequence",
        "list 2017/val: 1 sequence without a folder: owl",
        "1 video without masks: hen",
        "cup: 6 frames of 0 bytes, placeholders instead of images: 00000, 00001, 00002, 00003, 00004, ...",
        "dog: 1 frame that cannot be read: 00001",
        "dog: 1 mask of 0 bytes: 00005",
        "dog: 2 masks that cannot be used (an image of mode RGB; masks to be scored are palette or greyscale, an id "
        "per pixel): 00006, 00007",
        "dog: 1 frame of 32x24 pixels, unlike most (64x48): 00002",
        "dog: 1 mask of 64x48 pixels for a frame of 32x24: 00002",
        "dog: 1 mask without a frame: 00003",
        "dog: 1 name that several frames have: 00004",
        "yak: 8 masks stored as JPEG, which changes ids; save masks as PNG: 00000, 00001, 00002, 00003, 00004, ...",
    ]


def test_lists_without_anything(tmp_path: Path, told: Told) -> None:
    root = datasets.davis(tmp_path, {})
    assert "names no sequence" in told(root, 1)
    (root / "ImageSets" / "2017" / "val.txt").unlink()
    assert "no lists" in told(root, 1)
    datasets.davis(root, CLIPS)
    (root / "ImageSets" / "2017" / "test-dev.txt").write_text("owl\n")
    assert "list 2017/test-dev: " in told(root, 1)


def test_youtube_vos(tmp_path: Path, told: Told) -> None:
    root = datasets.youtube_vos(tmp_path, LATE)
    datasets.youtube_vos(root, CLIPS, split="train")
    for path in sorted((root / "valid" / "Annotations").glob("*/*.png")):
        if (path.parent.name, path.stem) not in (("cup", "00000"), ("cup", "00015"), ("dog", "00000")):
            path.unlink()
    datasets.mose(root, CLIPS, split="valid_all_frames")
    for path in sorted((root / "valid_all_frames" / "Annotations").glob("*/*.png")):
        path.unlink()
    for folder in [*(root / "valid_all_frames" / "Annotations").iterdir(), root / "valid_all_frames" / "Annotations"]:
        folder.rmdir()
    text = told(root)
    for line in (
        "in the layout of YouTube-VOS",
        "train: split train, meta.json",
        "valid: masks 3, only where objects come",
        "valid: come late 1 object in 1 video",
        "valid_all_frames: frames 14",
    ):
        assert line in text, line
    assert "valid: leave" not in text


def test_metadata_of_youtube_vos_that_contradicts_its_frames(tmp_path: Path, told: Told) -> None:
    folder = datasets.youtube_vos(tmp_path, {**LATE, "hen": CLIPS["dog"]}) / "valid"
    datasets.picture(folder / "JPEGImages" / "yak" / "00000.jpg", CLIPS["dog"][0])

    def edit(videos: dict[str, Any]) -> None:
        videos["cup"]["objects"]["2"]["frames"][:0] = ["00005", "00010"]
        videos["cup"]["objects"]["1"]["frames"].append("00030")
        videos["dog"]["objects"] = {"4": {"category": "thing", "frames": ["00000"]}}
        videos["owl"] = {"objects": {"1": {"frames": ["00000"]}}}
        del videos["hen"]

    change(folder / "meta.json", edit)
    assert problems(told(folder, 1)) == [
        "1 video in meta.json, but without a folder: owl",
        "1 video that meta.json lacks: hen",
        "1 video in JPEGImages without masks or metadata: yak",
        "cup: 1 frame in the metadata without an image: 00030",
        "cup: 1 object not in the mask of the first frame that the metadata lists: 2 (00005)",
        "dog: 8 masks with id 1, which the metadata lacks (it has 4): 00000, 00005, 00010, 00015, 00020, ...",
        "dog: 1 object not in the mask of the first frame that the metadata lists: 4 (00000)",
    ]
    (folder / "meta.json").write_text('{"videos": 3}')
    assert "meta.json: videos: " in told(folder, 1)


def test_lvos(tmp_path: Path, told: Told) -> None:
    root = datasets.lvos(tmp_path, LATE)
    assert "split valid, valid_meta.json" in told(root)
    change(
        root / "valid" / "valid_meta.json",
        lambda videos: videos["cup"]["objects"]["1"]["frame_range"].update(end="00000051", frame_nums="10"),
    )
    assert problems(told(root, 1)) == [
        "cup: 4 frames in the ranges of the metadata without an image: 00000031, 00000036, 00000041, 00000046",
        "cup: the metadata gives object 1 frames 1 to 51, but 4 of them have no annotation (first: 00000031)",
    ]


def test_lvos_with_the_masks_in_which_objects_come(tmp_path: Path, told: Told) -> None:
    root = datasets.lvos(tmp_path, LATE, split="test")
    for path in sorted((root / "test" / "Annotations").glob("*/*.png")):
        if (path.parent.name, path.stem) not in (("cup", "00000001"), ("cup", "00000016"), ("dog", "00000001")):
            path.unlink()
    assert "masks 3, only where objects come" in told(root)


def test_mose_and_sparse_masks(tmp_path: Path, told: Told) -> None:
    folder = datasets.mose(tmp_path, {"cup": datasets.clip(7, (1, 2)), "dog": CLIPS["dog"]})
    for path in (folder / "Annotations" / "cup").iterdir():
        if int(path.stem) % 3:
            path.unlink()
    text = told(folder)
    assert "without metadata, as MOSE" in text
    assert "masks 11, one frame in 3 (1 video), every frame (1 video)" in text


def test_void_white_and_objects_that_leave(tmp_path: Path, told: Told) -> None:
    gone = [*datasets.clip(3, (1, 2)), np.zeros((48, 64), np.uint8), *datasets.clip(2, (1,))]
    void = [np.where(labels == 0, 255, labels).astype(np.uint8) for labels in datasets.clip(3, (1,))]
    white = [labels * np.uint8(255) for labels in datasets.clip(4, (1,))]
    text = told(datasets.folders(tmp_path, {"gone": gone, "void": void, "white": white}))
    for line in (
        "a folder per video",
        "objects 4, ids 1 to 255, at most 2 in a video",
        "leave 2 objects in 1 video",
        "leave and return 1 object in 1 video",
        "no object in 1 mask",
        "note: value 255, which is no object but void, in 3 masks of 1 video: void",
    ):
        assert line in text, line


def test_predictions(tmp_path: Path, told: Told) -> None:
    root = datasets.folders(tmp_path, CLIPS)
    assert "masks 14" in told(root)
    datasets.save(root / "cup" / "00002.png", np.zeros((24, 32), np.uint8))
    noise = np.random.default_rng(0).integers(0, 200, (48, 64)).astype(np.uint8)
    datasets.save(root / "cup" / "00003.png", noise)
    datasets.folders(root, {"owl": [labels * 0 for labels in CLIPS["dog"]]})
    assert problems(told(root, 1)) == [
        "cup: 1 mask with more than 64 ids, as soft edges make them; save masks without anti-aliasing: 00003",
        "cup: 1 mask of 32x24 pixels, unlike most (64x48): 00002",
        "owl: no mask holds an object",
    ]


def test_frames_and_masks_of_ones_own(tmp_path: Path, told: Told) -> None:
    datasets.folders(tmp_path, {"masks": CLIPS["dog"]})
    for t, labels in enumerate(CLIPS["dog"]):
        datasets.picture(tmp_path / "frames" / f"{t:05d}.jpg", labels)
    text = told(tmp_path)
    assert "frames 8" in text and "masks 8" in text


def test_a_data_set_in_a_folder_is_to_be_examined_by_itself(tmp_path: Path, told: Told) -> None:
    datasets.davis(tmp_path / "DAVIS", CLIPS)
    assert f"note: {tmp_path / 'DAVIS'} has lists of its own: examine it by itself" in told(tmp_path)


def test_an_empty_split(tmp_path: Path, told: Told) -> None:
    (tmp_path / "valid" / "Annotations").mkdir(parents=True)
    assert "no masks in it" in told(tmp_path / "valid", 1)
    (tmp_path / "valid" / "Annotations").rename(tmp_path / "valid" / "JPEGImages")
    assert "no video in it" in told(tmp_path / "valid", 1)
