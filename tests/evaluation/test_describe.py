"""Descriptions: the counts of table 1 and of figures 2 and 3, and a small program's beside them."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import datasets
from longtake.data.layouts import open_splits
from longtake.errors import InputError, UnfitError
from longtake.evaluation.describe.describe import Category, Share, describe
from longtake.evaluation.describe.files import as_json
from longtake.evaluation.describe.page import page
from longtake.evaluation.describe.words import names, rows


def kinds(folder: Path, **categories: Sequence[tuple[str, str]]) -> None:
    """Gives objects, from 1 on, a category and one above it."""
    path = folder / f"{folder.name}_meta.json"
    content = json.loads(path.read_text())
    for video, own in categories.items():
        for i, (category, parent) in enumerate(own, start=1):
            content["videos"][video]["objects"][str(i)] |= {"category": category, "supercategory": parent}
    path.write_text(json.dumps(content))


def test_statistics_of_a_small_data_set(tmp_path: Path) -> None:
    clips = {"cup": datasets.clip(6, (1, 2), {2: 4}), "dog": datasets.clip(12, (1,))}
    root = datasets.lvos(tmp_path, clips)
    kinds(root / "valid", cup=[("cup", "ware"), ("bowl", "ware")], dog=[("dog", "animal")])
    found = describe(root)
    row = found.statistics()
    assert (row.videos, row.shortest, row.longest, row.frames, row.mean_frames) == (2, 6, 12, 18, 9)
    assert (row.rate, row.duration, row.mean_duration) == (6, 0.05, 0.025)
    assert (row.classes, row.objects, row.annotated, row.annotations, row.captions) == (3, 3, 18, 20, 0)
    assert found.categories() == [
        Category("dog", "animal", 1, 12),
        Category("cup", "ware", 1, 6),
        Category("bowl", "ware", 1, 2),
    ]
    assert dict(rows([row]))["total duration"] == ["0.05 min"] and names([found]) == [tmp_path.name]
    assert found.sizes().total() == 20 and not found.absences()
    assert describe(root, rate=12).statistics().duration == 0.025


def test_shares_and_pairs_count_videos(tmp_path: Path) -> None:
    there, gone = datasets.disc(24, 32), datasets.disc(24, 32, 0)
    clips = {"a": [there, gone, there], "b": [there, there, gone], "c": [there] * 3, "d": [there]}
    root = datasets.davis(tmp_path, clips)
    (tmp_path / "own.json").write_text(json.dumps({"c": ["OV", "DEF"]}))
    found = describe(root, attributes=tmp_path / "own.json")
    assert list(found.labels) == ["a", "b", "c"] and list(found.told) == ["a", "b", "c"]  # of d is but a first mask
    shares = found.shares()
    assert (shares["OV"], shares["DEF"], shares["LRA"]) == (Share(3, 3), Share(1, 1), Share(0, 3))
    assert found.pairs()["OV"] == {"DEF": 1, "LR": 0, "OV": 3} | {"LR": found.pairs()["OV"]["LR"]}
    content = as_json(found, found)
    assert content["attributes_from"] == {"a": "masks", "b": "masks", "c": "people"}
    assert content["attributes"]["c"] == ["DEF", "OV"] and "OV" not in content["attributes_told_from_masks"]["c"]
    assert content["absences"]["counts"] == [1] + [0] * 8
    assert content["against"] == {key: value for key, value in content.items() if key != "against"}


def test_all_splits_are_one_data_set_and_no_video_counts_twice(tmp_path: Path) -> None:
    davis = datasets.davis(tmp_path / "davis", {"cup": datasets.clip(3)}, "train")
    datasets.davis(davis, {"cup": datasets.clip(3), "dog": datasets.clip(3)}, "val")
    assert [video.name for video in open_splits(davis).videos] == ["cup", "dog"]
    mose = tmp_path / "mose"
    datasets.mose(mose, {"cup": datasets.clip(3)}, "train")
    datasets.mose(mose, {"cup": datasets.clip(4)}, "valid")
    found = open_splits(mose)
    assert [video.name for video in found.videos] == ["cup", "valid/cup"] and found.split == "train, valid"
    assert describe(mose).statistics().frames == 7 and describe(mose, "train").statistics().frames == 3


def test_a_page_needs_no_network_and_says_what_is_not_known(tmp_path: Path) -> None:
    found = describe(datasets.folders(tmp_path, {"<i>": datasets.clip(3), "dog": datasets.clip(4)}))
    assert found.statistics().duration is None
    text = page(found)
    assert "http" not in text and "<i>" not in text.replace("<i style", "") and "&lt;i&gt;" in text
    assert "not known" in text and "No category of any object is known." in text and "masks do not tell" in text
    assert text.count("<svg") == 2 and "beside" in page(found, found)


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    root = datasets.davis(tmp_path, {"cup": datasets.clip(3)})
    (root / "ImageSets/2017/val.txt").write_text("cup\nghost\n")
    with pytest.raises(UnfitError, match="ghost: neither frames nor masks"):
        describe(root)
    (root / "ImageSets/2017/val.txt").write_text("cup\n")
    (root / "Annotations/480p/cup/00001.png").write_bytes(b"")
    with pytest.raises(UnfitError, match=r"nothing was described.*00001\.png"):
        describe(root)
    with pytest.raises(InputError):
        describe(tmp_path / "nothing")


@given(st.lists(st.lists(st.sets(st.sampled_from([1, 2, 7])), min_size=1, max_size=8), min_size=1, max_size=3))
@settings(max_examples=25)
def test_annotations_are_objects_in_frames(present: list[list[set[int]]]) -> None:
    corner = {1: (0, 0), 2: (0, 8), 7: (8, 0)}
    clips = {}
    for number, frames in enumerate([[{1, 2}, set[int]()], *present]):  # ids and an empty mask: never white alone
        clips[f"v{number}"] = [np.zeros((16, 16), np.uint8) for _ in frames]
        for labels, ids in zip(clips[f"v{number}"], frames, strict=True):
            for i in ids:
                labels[corner[i][0] : corner[i][0] + 4, corner[i][1] : corner[i][1] + 4] = i
    with tempfile.TemporaryDirectory() as folder:
        row = describe(datasets.folders(Path(folder), clips)).statistics()
    assert row.annotations == 2 + sum(len(ids) for frames in present for ids in frames)
    assert row.objects == 2 + sum(len(set().union(*frames)) for frames in present)
    assert row.frames == row.annotated == 2 + sum(map(len, present))


def test_statistics_of_davis_are_those_of_a_small_program(shared: Path) -> None:
    root = shared / "data/davis2016"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    lengths, shares, boxes = [], [], []
    for video in sorted((root / "Annotations/480p").iterdir()):
        masks = [np.asarray(Image.open(path)) > 0 for path in sorted(video.iterdir())]
        lengths.append(len(masks))
        shown = [mask for mask in masks if mask.any()]
        sides = [(np.ptp(np.flatnonzero(m.any(0))) + 1, np.ptp(np.flatnonzero(m.any(1))) + 1) for m in shown]
        boxes.append([int(width) * int(height) for width, height in sides])
        shares.append(np.mean(boxes[-1]) / masks[0].size)
    found = describe(root, workers=None)
    row, attributes = found.statistics(), found.shares()
    assert (row.videos, row.shortest, row.longest) == (len(lengths), min(lengths), max(lengths))
    assert (row.frames, row.mean_frames) == (sum(lengths), np.mean(lengths))
    assert (row.objects, row.annotations) == (len(boxes), sum(map(len, boxes)))
    assert row.duration == pytest.approx(sum(lengths) / 24 / 60)
    assert attributes["LR"].videos == sum(share < 0.1 for share in shares)
    assert attributes["SV"].videos == sum(max(own) > 2 * min(own) for own in boxes)
