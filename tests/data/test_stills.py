import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets import davis, disc, picture, save
from longtake.data import coco
from longtake.data.images import Store, read_rgba
from longtake.data.stills import FOLDERS, cutouts, is_stills, open_stills
from longtake.errors import InputError, MissingExtraError, UnreadableError

BIG, SMALL = disc(24, 30, 1, 18), disc(24, 30, 1, 6, (40, 50))


def white(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((labels > 0).astype(np.uint8) * 255).save(path)


def pair(images: str, masks: str, mask: Callable[[Path, np.ndarray], None] = white) -> Callable[[Path], None]:
    """Writes two photographs and their masks; {} in a name is filled in."""

    def write(root: Path) -> None:
        for name, labels in (("a", BIG), ("b", SMALL)):
            picture(root / images.format(name), labels)
            mask(root / masks.format(name), labels)

    return write


LAYOUTS = {
    "images with masks": pair("images/{}.jpg", "masks/{}.png"),
    "images with masks of ids": pair("images/{}.jpg", "masks/{}.png", save),
    "PNG images": pair("images/{}.png", "masks/{}.png", save),
    "Static": pair("JPEGImages/MSRA/{}.jpg", "Annotations/MSRA/{}.png", save),
    "Static without sets": pair("JPEGImages/{}.jpg", "Annotations/{}.png"),
    "MSRA10K": pair("Imgs/{}.jpg", "Imgs/{}.png"),
    "side by side": pair("{}.jpg", "{}.png"),
    "FSS-1000": pair("ab_wheel/{}.jpg", "ab_wheel/{}.png"),
    "BIG": pair("{}_im.jpg", "{}_gt.png"),
    "PNG side by side": pair("{}_im.png", "{}_gt.png"),
    "PASCAL VOC": pair("JPEGImages/{}.jpg", "SegmentationObject/{}.png", save),
    **{f"{images} + {masks}": pair(images + "/{}.jpg", masks + "/{}.png") for images, masks in FOLDERS},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_told_and_read(tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](tmp_path)
    assert is_stills(tmp_path)
    found = open_stills(tmp_path)
    assert not found.notes
    assert [still.image.name[0] for still in found.items] == ["a", "b"]
    store = Store(10**6)
    for still, labels in zip(found.items, (BIG, SMALL), strict=True):
        ids = still.ids(store)
        assert np.array_equal(ids, labels)
        for reduce in (1, 4):
            assert still.rgb(store, ids, reduce).shape[:2] == tuple(-(-side // reduce) for side in labels.shape)
        assert still.ids(store) is ids


def test_videos_and_cut_outs_are_no_stills(tmp_path: Path) -> None:
    davis(tmp_path / "davis", {"dog": [BIG, BIG], "cat": [BIG]})
    pair("JPEGImages/dog/{}.jpg", "Annotations/dog/{}.png")(tmp_path / "sized")
    for name in "ab":
        picture(tmp_path / f"mose/JPEGImages/dog/{name}.jpg", BIG)
        save(tmp_path / f"mose/Annotations/dog/{name}.png", BIG)
        save(tmp_path / f"masks/dog/{name}.png", BIG)
        picture(tmp_path / f"frames/dog/{name}.jpg", BIG)
    assert is_stills(tmp_path / "sized")
    for name in ("davis", "mose", "masks", "frames", "lacking"):
        assert not is_stills(tmp_path / name)
        with pytest.raises(InputError, match="no photographs with masks"):
            open_stills(tmp_path / name)


def test_soft_saliency_masks_are_cut_at_half(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg", BIG)
    soft = np.linspace(0, 255, BIG.size).reshape(BIG.shape).astype(np.uint8)
    Image.fromarray(soft).save(tmp_path / "a.png")
    assert np.array_equal(open_stills(tmp_path).items[0].ids(Store(0)), soft >= 128)


def test_what_lacks_is_noted_and_all_that_lacks_refused(tmp_path: Path) -> None:
    LAYOUTS["images with masks"](tmp_path)
    picture(tmp_path / "images/c.jpg", BIG)
    white(tmp_path / "masks/d.png", BIG)
    found = open_stills(tmp_path)
    assert len(found.items) == 2
    assert found.notes == [
        f"{tmp_path}: 1 of 3 images have no mask, the first: images/c.jpg",
        f"{tmp_path}: 1 of 3 masks have no image, the first: masks/d.png",
    ]
    for mask in (tmp_path / "masks").iterdir():
        mask.unlink()
    with pytest.raises(InputError, match=r"not one of 3 images has a mask .*first: \S+/images/a\.jpg$"):
        open_stills(tmp_path)


def test_a_mask_of_another_size_is_named_with_its_image(tmp_path: Path) -> None:
    LAYOUTS["images with masks"](tmp_path)
    picture(tmp_path / "images/a.jpg", BIG[:, :-8])
    still, store = open_stills(tmp_path).items[0], Store(0)
    for reduce in (1, 4):
        with pytest.raises(
            InputError, match=r"masks/a\.png: 64x48 pixels, but \S+images/a\.jpg is of another"
        ) as raised:
            still.rgb(store, still.ids(store), reduce)
        assert not isinstance(raised.value, UnreadableError)


def test_voc_has_void_borders_and_splits(tmp_path: Path) -> None:
    LAYOUTS["PASCAL VOC"](tmp_path)
    bordered = np.where(BIG > 0, BIG, 0).astype(np.uint8)
    bordered[0] = 255
    save(tmp_path / "SegmentationObject/a.png", bordered)
    save(tmp_path / "SegmentationObject/b.png", (SMALL * 255).astype(np.uint8))
    picture(tmp_path / "JPEGImages/c.jpg", BIG)
    lists = tmp_path / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("c\nb\n")
    a, b = open_stills(tmp_path).items
    assert np.array_equal(a.ids(Store(0)), bordered)
    assert set(np.unique(b.ids(Store(0)))) == {0, 255}
    train = open_stills(tmp_path, "train")
    assert [still.image.stem for still in train.items] == ["b"]
    assert train.notes == [f"{tmp_path}: 1 of 2 images have no mask, the first: JPEGImages/c.jpg"]
    with pytest.raises(InputError, match="its splits are train"):
        open_stills(tmp_path, "val")


def box(top: int, left: int, height: int, width: int) -> list[float]:
    return [left, top, left + width, top, left + width, top + height, left, top + height]


def instance(picture: int, segmentation: object, **more: object) -> dict[str, object]:
    return {"id": 1, "image_id": picture, "segmentation": segmentation, "category_id": 1, "bbox": [0, 0, 1, 1], **more}


def write_coco(
    root: Path, annotations: list[dict[str, Any]], split: str = "train2017", where: str = "train2017", pictures: int = 2
) -> None:
    images = [{"id": 10 + i, "file_name": f"{i}.jpg", "height": 48, "width": 64} for i in range(pictures)]
    for image in images:
        picture(root / where / str(image["file_name"]), BIG)
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    listed = {"info": {"year": 2017}, "images": images, "annotations": annotations, "categories": [{"id": 1}]}
    (root / f"annotations/instances_{split}.json").write_text(json.dumps(listed))


@pytest.mark.parametrize("where", ["train2017", "images/train2017", "images"])
def test_coco_draws_small_instances_over_large_ones(tmp_path: Path, where: str) -> None:
    crowd = {"size": [48, 64], "counts": [48 * 60, 48 * 4]}
    text = coco.rle.tools().encode(np.asfortranarray(disc(40, 10, 1, 5)))["counts"].decode()
    annotations = [
        instance(11, [box(10, 10, 4, 4)]),
        instance(11, [box(5, 5, 20, 20), box(30, 30, 10, 10)], area=500.0),
        instance(11, crowd, iscrowd=1),
        instance(11, {"size": [48, 64], "counts": text}),
        instance(12, crowd, iscrowd=1),
        instance(11, [[1.0, 2.0, 3.0, 4.0]]),
        instance(11, []),
    ]
    write_coco(tmp_path, annotations, where=where, pictures=3)
    found = open_stills(tmp_path, "train2017")
    assert (found.layout, found.notes) == ("COCO", [])
    assert [still.image for still in found.items] == [tmp_path / where / "1.jpg"]
    expected = np.zeros((48, 64), np.uint8)
    expected[:, 60:] = 255
    expected[5:25, 5:25] = expected[30:40, 30:40] = 1
    expected[disc(40, 10, 1, 5) > 0] = 2
    expected[10:14, 10:14] = 3
    assert np.array_equal(found.items[0].ids(Store(0)), expected)


def test_coco_keeps_the_largest_of_too_many(tmp_path: Path) -> None:
    boxes = [box(y, x, 2, 2 if y else 3) for y in range(0, 48, 3) for x in range(0, 64, 4)]
    write_coco(tmp_path, [instance(10, [b]) for b in [*boxes, box(0, 0, 1, 1)]])
    ids = open_stills(tmp_path).items[0].ids(Store(0))
    assert len(boxes) == 256
    assert len(np.unique(ids)) == 255
    assert ids[0, 0] == 1
    assert not (ids == 255).any()


def test_coco_tells_its_splits_and_what_lacks(tmp_path: Path) -> None:
    write_coco(tmp_path, [instance(10, [box(0, 0, 9, 9)]), instance(11, [box(0, 0, 9, 9)])])
    write_coco(tmp_path, [instance(10, [box(0, 0, 9, 9)])], "val2017", "val2017")
    (tmp_path / "train2017/0.jpg").unlink()
    assert [still.image.parent.name for still in open_stills(tmp_path, "val").items] == ["val2017"]
    found = open_stills(tmp_path)
    assert [still.image.name for still in found.items] == ["1.jpg"]
    assert len(found.notes) == 1
    assert "1 of 2 pictures are not in" in found.notes[0]
    with pytest.raises(InputError, match=r"no annotations/instances_test\.json; name one of train2017, val2017"):
        open_stills(tmp_path, "test")
    (tmp_path / "train2017/1.jpg").unlink()
    with pytest.raises(InputError, match="not one of its 2 pictures"):
        open_stills(tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"images": [', "not readable"),
        ("[]", "not one of its 0 pictures"),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}]}', "no 'height'"),
        (json.dumps({"annotations": [instance(7, [box(0, 0, 9, 9)])]}), "picture 7, which it does not list"),
        (json.dumps({"annotations": [instance(7, {"size": [2, 2], "counts": [1]})]}), "run lengths of 1 pixels"),
        (json.dumps({"annotations": [instance(7, [["a"] * 6])]}), "not readable"),
        (json.dumps({"annotations": [{"segmentation": [box(0, 0, 9, 9)]}]}), "no 'image_id'"),
        ("\udcff", "not readable"),
    ],
)
def test_a_damaged_list_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances_train.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=why) as raised:
        open_stills(tmp_path)
    assert "\n" not in str(raised.value)
    assert "instances_train.json" in str(raised.value)


def test_a_damaged_region_names_its_picture(tmp_path: Path) -> None:
    write_coco(tmp_path, [instance(10, {"size": [48, 64], "counts": "oooo"}), instance(11, [box(0, 0, 9, 9e9)])])
    first, second = open_stills(tmp_path).items
    with pytest.raises(InputError, match=r"0\.jpg: a damaged region"):
        first.ids(Store(0))
    assert second.ids(Store(0))[:9].all()


def test_coco_without_its_extra_gives_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_coco(tmp_path, [])
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(MissingExtraError, match=r"longtake\[coco\]"):
        open_stills(tmp_path)


def test_cut_outs_lie_in_folders_and_have_alpha(tmp_path: Path) -> None:
    alpha = np.dstack([np.full((*BIG.shape, 3), 90, np.uint8), BIG * 255])
    (tmp_path / "inner").mkdir()
    Image.fromarray(alpha).save(tmp_path / "inner/a.png")
    Image.fromarray(alpha).save(tmp_path / "b.png")
    assert cutouts(tmp_path) == [tmp_path / "b.png", tmp_path / "inner/a.png"]
    alpha[..., 3] = 255
    Image.fromarray(alpha).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"b\.png: no pixel is transparent"):
        read_rgba(tmp_path / "b.png")
    Image.fromarray(alpha[..., :3]).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"1 of 2 cut-outs have no alpha, the first: \S+b\.png"):
        cutouts(tmp_path)
    with pytest.raises(InputError, match="nor a folder of PNG cut-outs"):
        cutouts(tmp_path / "lacking")
