"""Videos written as LVOS lays them out, read back by what reads LVOS."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake.data.labels import read_labels
from longtake.data.layouts import open_dataset
from longtake.data.metadata import LVOS_STEP, FrameRange, read_metadata
from longtake.errors import LongtakeError
from longtake.evaluation.protocols import find_protocol
from longtake.evaluation.windows import windows
from longtake.export.convert import export, open_masks
from longtake.export.exchange import MaskVideo, Region, Regions, Still, cut, regions_of
from longtake.export.lvos import STEP, Described, write_lvos
from longtake.export.things import Thing, with_categories, write_objects

SIZE = 6, 8


def described(
    frames: list[np.ndarray], things: dict[int, Thing] | None = None, name: str = "cup", size: tuple[int, int] = SIZE
) -> Described:
    """A video of id images; every frame has a grey of its own."""
    stills = [Still(7 * place, f"{7 * place:06d}", SIZE, f"{7 * place:06d}.jpg") for place in range(len(frames))]

    def images() -> Iterator[np.ndarray]:
        for place in range(len(frames)):
            yield np.full((*size, 3), 10 * place % 256, np.uint8)

    return Described(MaskVideo(name, stills, lambda place: regions_of(frames[place])), images, things or {})


def labels(*ids: int) -> np.ndarray:
    """An id image with a column for each."""
    found = np.zeros(SIZE, np.uint16)
    for column, name in enumerate(ids):
        found[1:3, column] = name
    return found


def test_files_and_metadata(tmp_path: Path) -> None:
    frames = [labels(), labels(1), labels(1, 300), labels(300), labels()]
    things = {1: Thing("Tom", "cat", "#ff0000", "the grey cat"), 2: Thing("nobody", "dog")}
    folder = write_lvos([described(frames, things)], tmp_path / "data", "valid")
    assert folder == tmp_path / "data" / "valid"
    numbers = ["00000001", "00000006", "00000011", "00000016", "00000021"]
    assert sorted(path.name for path in (folder / "JPEGImages" / "cup").iterdir()) == [f"{n}.jpg" for n in numbers]
    assert sorted(path.name for path in (folder / "Annotations" / "cup").iterdir()) == [f"{n}.png" for n in numbers]
    for number, mode in zip(numbers, ["P", "P", "I;16", "I;16", "P"], strict=True):
        with Image.open(folder / "Annotations" / "cup" / f"{number}.png") as image:
            assert image.mode == mode
    assert (
        np.array(Image.open(folder / "JPEGImages" / "cup" / "00000011.jpg")).tolist()
        == np.full((*SIZE, 3), 20).tolist()
    )
    first = {"start": "00000006", "end": "00000016", "frame_nums": "2"}
    second = {"start": "00000011", "end": "00000021", "frame_nums": "2"}
    assert json.loads((folder / "valid_meta.json").read_text()) == {
        "videos": {
            "cup": {
                "objects": {
                    "1": {"category": "cat", "frame_range": first},
                    "300": {"category": "object", "frame_range": second},
                }
            }
        }
    }
    spoken = json.loads((folder / "valid_expression_meta.json").read_text())["videos"]["cup"]["objects"]
    assert spoken == {
        "1": {"caption": "the grey cat", "frame_range": first},
        "300": {"caption": "", "frame_range": second},
    }
    assert sorted(path.name for path in folder.iterdir()) == [
        "Annotations",
        "JPEGImages",
        "valid_expression_meta.json",
        "valid_meta.json",
    ]


@given(st.data())
@settings(max_examples=40)
def test_longtake_reads_it_back(data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(1, 65_535), min_size=1, max_size=4, unique=True))
    present = data.draw(st.lists(st.sets(st.sampled_from(ids)), min_size=1, max_size=6))
    frames = [labels(*sorted(chosen)) for chosen in present]
    things = {name: Thing(category=f"kind {name % 3}") for name in ids[::2]}
    with tempfile.TemporaryDirectory() as folder:
        write_lvos([described(frames, things), described(frames[::-1], name="dog")], Path(folder))
        dataset = open_dataset(Path(folder))
        assert dataset.metadata is not None
        kind, listed = read_metadata(dataset.metadata)
        assert (dataset.layout, dataset.split) == (("lvos", "train") if any(present) else ("youtube-vos", "train"))
        assert kind == dataset.layout
        for name, own, said in (("cup", frames, things), ("dog", frames[::-1], {})):
            video = next(video for video in dataset.videos if video.name == name)
            assert listed[name].objects == video.objects
            assert [image.stem for image in video.frames.values()] == [f"{1 + 5 * t:08d}" for t in range(len(own))]
            assert all((read_labels(mask) == due).all() for mask, due in zip(video.masks.values(), own, strict=True))
            seen = {i: [t for t, frame in enumerate(own) if (frame == i).any()] for i in ids}
            assert {i: (thing.category, thing.range) for i, thing in video.objects.items()} == {
                i: (
                    said[i].category if i in said else "object",
                    FrameRange(1 + 5 * at[0], 1 + 5 * (at[-1] + 1), at[-1] + 1 - at[0]),
                )
                for i, at in seen.items()
                if at
            }
            if any(present):
                found = windows(video, find_protocol("lvos-plain"))
                assert (found.problems, found.notes) == ([], [])
                assert {i: len(names) for i, names in found.frames.items()} == {
                    i: at[-1] + 1 - at[0] for i, at in seen.items() if at
                }


def test_the_step_is_the_readers() -> None:
    assert STEP == LVOS_STEP


def test_a_second_split_goes_beside_the_first(tmp_path: Path) -> None:
    write_lvos([described([labels(1)])], tmp_path, "train")
    write_lvos([described([labels(2)])], tmp_path, "valid")
    assert [list(open_dataset(tmp_path, split).videos[0].objects) for split in ("train", "valid")] == [[1], [2]]
    with pytest.raises(LongtakeError, match="train: is there already"):
        write_lvos([described([labels(1)])], tmp_path, "train")


def test_where_objects_overlap_the_smaller_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    big, small = np.ones(SIZE, bool), np.zeros(SIZE, bool)
    small[0, 0] = True

    def read(place: int) -> Regions:
        found: dict[int, Region | None] = {1: cut(small), 2: cut(big), 3: cut(small & ~small)}
        return {name: region for name, region in found.items() if region}

    video = MaskVideo("cup", [Still(0, "0", SIZE, "0.jpg")], read)
    folder = write_lvos([Described(video, lambda: iter([np.zeros((*SIZE, 3), np.uint8)]))], tmp_path)
    assert np.array(Image.open(folder / "Annotations" / "cup" / "00000001.png"))[0, :2].tolist() == [1, 2]
    assert "cup: objects overlap in 1 frames (1 pixels)" in caplog.text


@pytest.mark.parametrize(
    ("videos", "split", "line"),
    [
        ([described([labels(1)]), described([labels(2)])], "train", "several videos are named cup"),
        (
            [described([labels(1)], size=(4, 4))],
            "train",
            "cup, frame 000000: masks of 8x6 pixels, but the video has 4x4",
        ),
        (
            [Described(described([labels(1)] * 2).video, described([labels(1)]).images)],
            "train",
            "cup, frame 000007: masks, but the video ends before it",
        ),
        ([described([labels(1)])], "../train", "--split ../train: not a name"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path: Path, videos: list[Described], split: str, line: str) -> None:
    with pytest.raises(LongtakeError, match=line):
        write_lvos(videos, tmp_path / "data", split)
    assert list(tmp_path.rglob("*.*")) == []


def test_what_people_said_goes_beside_and_along(tmp_path: Path) -> None:
    things = {300: Thing("Tom", "cat", "#00ff00", "die graue Katze, größer als die andere"), 2: Thing("Jim")}
    write_objects(tmp_path / "deep" / "objects.json", {"cup": things})
    assert json.loads((tmp_path / "deep" / "objects.json").read_text()) == {
        "cup": {
            "2": {"name": "Jim", "category": "", "colour": "", "description": ""},
            "300": {
                "name": "Tom",
                "category": "cat",
                "colour": "#00ff00",
                "description": "die graue Katze, größer als die andere",
            },
        }
    }
    video = with_categories(described([labels(2, 300)]).video, things)
    assert {name: region.category for name, region in video.read(0).items()} == {2: "object", 300: "cat"}
    for kind, file in (("coco", "a.json"), ("ytvis", "b.json"), ("cvat", "c.xml")):
        export([video], kind, tmp_path / file)
        (back,) = open_masks(tmp_path / file)
        assert {name: region.category for name, region in back.read(0).items()} == {2: "object", 300: "cat"}


def test_the_command(
    tmp_path: Path, folder_clip: tuple[Path, Path], run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    frames, masks = folder_clip
    out = tmp_path / "data"
    assert run("export", masks, "--to", "lvos-dataset", "--frames", frames, "--out", out, "--split", "valid") == 0
    assert f"1 video, 6 frames: {out / 'valid'}" in capsys.readouterr().out
    (video,) = open_dataset(out).videos
    assert (video.name, len(video.pairs), sorted(video.objects)) == ("masks", 6, [1, 2])
    for (image, mask), source in zip(video.pairs, sorted(frames.iterdir()), strict=True):
        assert np.abs(np.array(Image.open(image)).astype(int) - np.array(Image.open(source))).mean() < 4
        assert (read_labels(mask) == read_labels(masks / source.name)).all()
    assert run("export", masks, "--to", "lvos-dataset", "--out", out, "--split", "train") == 1
    assert "nothing tells where the video is" in capsys.readouterr().err
    assert run("export", masks, "--to", "lvos-dataset", "--out", out, "--object", 1) == 1
    assert "--object 1: says nothing with --to lvos-dataset" in capsys.readouterr().err
