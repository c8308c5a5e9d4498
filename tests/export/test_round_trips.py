"""Masks written and read again, and read by the format's own library or by its rules."""

import itertools
import json
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools.coco import COCO

from longtake.errors import LongtakeError
from longtake.export.convert import export, import_masks, open_masks
from longtake.export.cvat import from_lengths, lengths_of
from longtake.export.exchange import MaskVideo, Region, Still, cut, flattened, regions_of
from longtake.export.yolo import filled, outline

Frames = list[dict[int, np.ndarray]]


def video(frames: Frames, size: tuple[int, int], name: str = "cup", category: str = "object") -> MaskVideo:
    stills = [Still(place, f"{place:05d}", size, f"{place:05d}.jpg") for place in range(len(frames))]

    def read(place: int) -> dict[int, Region]:
        found = {i: cut(mask, category) for i, mask in frames[place].items()}
        return {i: region for i, region in found.items() if region is not None}

    return MaskVideo(name, stills, read)


def masks(found: MaskVideo) -> Frames:
    return [
        {i: region.mask(still.size) for i, region in found.read(place).items()}
        for place, still in enumerate(found.stills)
    ]


def same(one: Frames, other: Frames) -> bool:
    def kept(frame: dict[int, np.ndarray]) -> dict[int, bytes]:
        return {i: mask.tobytes() for i, mask in frame.items() if mask.any()}

    return [kept(frame) for frame in one] == [kept(frame) for frame in other]


@st.composite
def clips(draw: st.DrawFn) -> tuple[Frames, tuple[int, int]]:
    """Objects that overlap, touch the edges, are absent now and then; some frames have none."""
    size = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    ids = draw(st.lists(st.integers(1, 65_535), min_size=1, max_size=4, unique=True))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from([0.02, 0.3, 0.9]))
    present = draw(st.lists(st.sets(st.sampled_from(ids)), min_size=1, max_size=4))
    return [{i: random.random(size) < share for i in sorted(chosen)} for chosen in present], size


def test_regions_are_those_of_the_ids() -> None:
    labels = np.array([[0, 7, 7], [300, 0, 7], [300, 0, 0]], np.uint16)
    found = regions_of(labels)
    assert list(found) == [7, 300]
    assert (found[7].box, found[7].area, found[300].box) == ([1, 0, 2, 2], 3, [0, 1, 1, 2])
    assert found[7].inside.tolist() == [[True, True], [False, True]]
    assert regions_of(np.zeros((2, 2), np.uint16)) == {}


def test_the_higher_layer_lies_on_top_then_the_smaller_object() -> None:
    big, small, above = np.zeros((3, 3), bool), np.zeros((3, 3), bool), np.zeros((3, 3), bool)
    big[:], small[0], above[:, :2] = True, True, True
    regions = {1: cut(small), 2: cut(big), 3: cut(above, layer=1)}
    labels, claimed = flattened({i: region for i, region in regions.items() if region}, (3, 3))
    assert labels.tolist() == [[3, 3, 1], [3, 3, 2], [3, 3, 2]]
    assert claimed == 7


@given(clips())
@settings(max_examples=40)
@pytest.mark.parametrize(("kind", "name"), [("coco", "a.json"), ("ytvis", "a.json"), ("cvat", "a.xml")])
def test_what_is_written_is_read_again(kind: str, name: str, clip: tuple[Frames, tuple[int, int]]) -> None:
    frames, size = clip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        export([video(frames, size)], kind, path)
        (found,) = open_masks(path)
        assert sorted(Path(folder).iterdir()) == [path]
        assert found.name == "cup"
        assert [still.size for still in found.stills] == [size] * len(frames)
        assert same(masks(found), frames)


@given(clips())
@settings(max_examples=25)
def test_overlaps_go_through_every_format_that_holds_them(clip: tuple[Frames, tuple[int, int]]) -> None:
    frames, size = clip
    with tempfile.TemporaryDirectory() as folder:
        videos: Sequence[MaskVideo] = [video(frames, size, category="dog")]
        for number, kind in enumerate(("coco", "ytvis", "cvat", "ytvis", "coco")):
            path = Path(folder) / f"{number}{'.xml' if kind == 'cvat' else '.json'}"
            export(videos, kind, path)
            videos = open_masks(path)
        assert same(masks(videos[0]), frames)
        assert {r.category for place in range(len(frames)) for r in videos[0].read(place).values()} <= {"dog"}


@given(clips())
@settings(max_examples=25)
def test_images_of_ids_are_read_again_from_a_folder(clip: tuple[Frames, tuple[int, int]]) -> None:
    frames, size = clip
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "masks"
        import_masks([video(frames, size)], out)
        for place, frame in enumerate(frames):
            labels, _ = flattened({i: r for i, m in frame.items() if (r := cut(m))}, size)
            stored = np.array(Image.open(out / "cup" / f"{place:05d}.png"))
            assert np.array_equal(stored, labels)


@given(clips())
@settings(max_examples=25)
def test_pycocotools_reads_the_same_masks(clip: tuple[Frames, tuple[int, int]]) -> None:
    frames, size = clip
    with tempfile.TemporaryDirectory() as folder:
        both = [video(frames, size), video(frames[::-1], size, "dog")]
        export(both, "coco", Path(folder) / "c.json")
        export(both, "ytvis", Path(folder) / "y.json")
        coco = COCO(str(Path(folder) / "c.json"))
        listed = json.loads((Path(folder) / "y.json").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = [{i: m for i, m in frame.items() if m.any()} for frame in [*frames, *frames[::-1]]]
        assert len(coco.imgs) == len(expected)
        for image, frame in zip(coco.imgs, expected, strict=True):
            found = coco.loadAnns(coco.getAnnIds(imgIds=[image], iscrowd=False))
            assert {a["track_id"] for a in found} == set(frame)
            for a in found:
                mask = coco.annToMask(a).astype(bool)
                assert np.array_equal(mask, frame[a["track_id"]])
                rows, columns = np.nonzero(mask)
                box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
                assert (a["area"], a["bbox"]) == (mask.sum(), box)
        for found in listed["annotations"]:
            part = expected[: len(frames)] if found["video_id"] == 1 else expected[len(frames) :]
            assert len(found["segmentations"]) == len(found["areas"]) == len(found["bboxes"]) == len(frames)
            for lengths, area, frame in zip(found["segmentations"], found["areas"], part, strict=True):
                assert (lengths is None) == (area is None) == (found["track_id"] not in frame)
                if lengths is not None:
                    loose = {"image_id": image, "segmentation": lengths}
                    assert np.array_equal(coco.annToMask(loose), frame[found["track_id"]])
    assert len({found["id"] for found in listed["annotations"]}) == len(listed["annotations"])


def as_cvat_reads(path: Path) -> Iterator[tuple[int, int, np.ndarray]]:
    """Frame, id and mask: of each track the first shape, as CVAT does; pixels are counted one by one."""
    root = ElementTree.parse(path).getroot()
    size = root.find("meta/task/original_size")
    assert size is not None
    height, width = int(size.findtext("height", "")), int(size.findtext("width", ""))
    for track in root.findall("track"):
        mask = track[0]
        left, top, across = (int(mask.attrib[key]) for key in ("left", "top", "width"))
        drawn, value, offset = np.zeros((height, width), bool), False, 0
        for count in map(int, mask.attrib["rle"].split(",")):
            for _ in range(count):
                drawn[top + offset // across, left + offset % across] = value
                offset += 1
            value = not value
        yield int(mask.attrib["frame"]), int(mask.findtext("attribute", "")), drawn


@given(clips())
@settings(max_examples=25)
def test_cvat_reads_the_same_masks(clip: tuple[Frames, tuple[int, int]]) -> None:
    frames, size = clip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xml"
        export([video(frames, size)], "cvat", path)
        found: Frames = [{} for _ in frames]
        for frame, name, mask in as_cvat_reads(path):
            assert name not in found[frame]
            found[frame][name] = mask
        assert same(found, frames)


def test_run_lengths_begin_with_what_lies_outside() -> None:
    inside = np.array([[1, 1, 0], [0, 1, 0]], bool)
    assert lengths_of(inside) == [0, 2, 2, 1, 1]
    assert np.array_equal(from_lengths([0, 2, 2, 1, 1], (2, 3)), inside)
    assert lengths_of(np.ones((1, 2), bool)) == [0, 2]


@given(clips())
@settings(max_examples=40)
def test_polygons_lose_nothing_but_what_bridges_cover(clip: tuple[Frames, tuple[int, int]]) -> None:
    frames, size = clip
    for mask in (m for frame in frames for m in frame.values() if m.any()):
        drawn = filled(outline(mask), size)
        rings, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        assert not (mask & ~drawn).any()
        assert len(rings) > 1 or np.array_equal(mask, drawn)


def test_polygons_of_round_objects_with_a_hole_lose_little(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:240, :320]
    apart = (rows - 120) ** 2 + (columns - 160) ** 2
    ring = (apart < 90**2) & (apart > 40**2)
    two = (rows - 50) ** 2 + (columns - 40) ** 2 < 30**2
    two |= (rows - 200) ** 2 + (columns - 280) ** 2 < 20**2
    image = tmp_path / "images"
    image.mkdir()
    Image.new("RGB", (320, 240)).save(image / "00000.jpg")
    export([video([{4: ring, 9: two}], (240, 320))], "yolo", tmp_path / "out")
    assert (tmp_path / "out/labels/00000.txt").read_text().count("\n") == 2
    (found,) = open_masks(tmp_path / "out", frames=image)
    ((read),) = masks(found)
    overlap = {i: (read[i] & m).sum() / (read[i] | m).sum() for i, m in {4: ring, 9: two}.items()}
    assert overlap[4] > 0.995
    assert overlap[9] > 0.93  # the bridge between two discs is 200 pixels long


def test_others_draw_polygons_of_yolo_as_they_are(tmp_path: Path) -> None:
    """As networks are trained: fractions times the size, cut off to whole pixels, filled."""
    mask = np.zeros((37, 53), bool)
    mask[3:30, 5:20], mask[10:14, 20:41] = True, True
    export([video([{4: mask}], mask.shape)], "yolo", tmp_path / "out")
    words = (tmp_path / "out/labels/00000.txt").read_text().split()
    corners = (np.array(words[1:], np.float64).reshape(-1, 2) * (53, 37)).astype(np.int32)
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [corners], 1)
    assert words[0] == "0"
    assert np.array_equal(drawn > 0, mask)


# --- files of other programs


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def coco(annotations: list[dict[str, object]]) -> dict[str, object]:
    images = [{"id": 5, "file_name": "a/10.jpg", "height": 4, "width": 6}]
    images += [{"id": 3, "file_name": "a/9.jpg", "height": 4, "width": 6}]
    return {"images": images, "annotations": annotations, "categories": [{"id": 2, "name": "dog"}]}


def test_coco_of_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    square = {"id": 1, "image_id": 5, "category_id": 2, "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]}
    numbers = {"id": 2, "image_id": 3, "category_id": 2, "segmentation": {"size": [4, 6], "counts": [4, 8, 12]}}
    crowd = {"id": 3, "image_id": 3, "iscrowd": 1, "segmentation": {"size": [4, 6], "counts": [0, 24]}}
    with caplog.at_level("INFO", logger="longtake"):
        (found,) = open_masks(write(tmp_path / "c.json", coco([square, numbers, crowd])))
    assert "no track_id" in caplog.text
    assert (found.name, [still.name for still in found.stills]) == ("a", ["9", "10"])
    first, second = masks(found)
    assert first[1].tolist() == [[False, True, True, False, False, False]] * 4
    assert second[1][1:3, 1:4].all() and second[1].sum() == 6
    assert found.read(0)[1].category == "dog"


def test_ids_that_no_object_can_have_are_new(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shape = {"segmentation": {"size": [4, 6], "counts": [4, 8, 12]}, "image_id": 3, "category_id": 2}
    annotations = [{"id": i, "track_id": track} | shape for i, track in enumerate((0, 70_000, 12))]
    with caplog.at_level("INFO", logger="longtake"):
        (found,) = open_masks(write(tmp_path / "c.json", coco(annotations)))
    assert sorted(masks(found)[0]) == [1, 2, 3]
    assert "new ones: 0 is 1, 12 is 2, 70000 is 3" in caplog.text


def test_cvat_of_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    head = "<meta><task><size>3</size><original_size><width>6</width><height>4</height></original_size></task></meta>"
    tracks = (
        '<track id="6" label="dog"><polygon frame="0" keyframe="1" outside="0" points="1,1;4,1;4,3;1,3" z_order="2"/>'
        '<polygon frame="1" keyframe="1" outside="1" points="1,1;4,1;4,3;1,3"/></track>'
        '<track id="7" label="dog" group_id="3"><mask frame="0" keyframe="1" outside="0" rle="0, 24" left="0" top="0" '
        'width="6" height="4" z_order="0"/></track>'
        '<track id="8" label="dog"><box frame="2" keyframe="1" outside="0" xtl="0" ytl="0" xbr="2" ybr="2"/></track>'
    )
    with caplog.at_level("INFO", logger="longtake"):
        path = write(tmp_path / "a.xml", f"<annotations>{head}{tracks}</annotations>")
        import_masks(open_masks(path), tmp_path / "out")
    assert "1 shapes of kind box left out" in caplog.text
    assert "objects overlap in 1 frames (6 pixels)" in caplog.text
    labels = np.array(Image.open(tmp_path / "out/a/000000.png"))
    assert labels.tolist() == [[3] * 6, [3, 7, 7, 7, 3, 3], [3, 7, 7, 7, 3, 3], [3] * 6]
    assert len(list((tmp_path / "out/a").iterdir())) == 3
    (tmp_path / "frames").mkdir()
    for name in ("a9", "a10", "a11"):
        Image.new("RGB", (6, 4)).save(tmp_path / "frames" / f"{name}.png")
    (named,) = open_masks(path, frames=tmp_path / "frames")
    assert [still.name for still in named.stills] == ["a9", "a10", "a11"]
    image = (
        '<image id="0" name="x/f1.png" width="6" height="4"><mask label="cat" rle="1, 1" left="2" top="1" width="2" '
    )
    (found,) = open_masks(
        write(tmp_path / "b.xml", f'<annotations>{image}height="1" z_order="0"/></image></annotations>')
    )
    assert found.stills[0].name == "f1"
    assert np.argwhere(masks(found)[0][1]).tolist() == [[1, 3]]


def test_yolo_of_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (10, 8)).save(tmp_path / "images" / f"{name}.png")
    (tmp_path / "set/labels").mkdir(parents=True)
    write(tmp_path / "set/labels/a.txt", "1 0 0 0.3 0 0.3 0.25 0 0.25\n1 0.5 0.5 0.9 0.5 0.9 1\n")
    write(tmp_path / "set/data.yaml", "names: [cat, dog]\n")
    with caplog.at_level("INFO", logger="longtake"):
        (found,) = open_masks(tmp_path / "set", frames=tmp_path / "images")
    assert "no ids" in caplog.text
    assert sorted(found.read(0)) == [1, 2] and found.read(0)[2].category == "dog"
    assert found.read(1) == {}


BOX = '<mask frame="0" keyframe="1" outside="0" rle="1, 1" left="5" top="0" width="2" height="1"/>'
SIZED = "<meta><original_size><width>6</width><height>4</height></original_size></meta>"


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.json", "{", "not readable as JSON"),
        ("a.json", [], "neither COCO"),
        ("a.json", {"images": [], "annotations": []}, "no frames in it"),
        ("a.json", {"images": [{"id": 1}], "annotations": []}, "no 'file_name'"),
        (
            "a.json",
            coco([{"id": 8, "image_id": 77, "segmentation": []}]),
            "annotation 8: not as the format has it (a mask",
        ),
        (
            "a.json",
            coco([{"id": 8, "image_id": 5, "segmentation": {"size": [6, 4], "counts": "04"}}]),
            "annotation 8: not as the format has it (a mask of 4x6 pixels in a picture of 6x4)",
        ),
        ("a.json", coco([{"id": 8, "image_id": 5, "segmentation": {"size": [4, 6], "counts": [3]}}]), "of 3 pixels"),
        (
            "a.json",
            {
                "videos": [{"id": 1, "file_names": ["a", "b"]}],
                "annotations": [{"id": 2, "video_id": 1, "segmentations": []}],
            },
            "annotation 2: not as the format has it (0 masks for the 2 frames",
        ),
        ("a.xml", "<annotations><x>", "not readable as XML"),
        ("a.xml", "<annotations/>", "no original_size"),
        ("a.xml", f'<a>{SIZED}<track id="0" label="x">{BOX}</track></a>', "reaches beyond the frame of 6x4"),
        ("a.txt", "", "no folder of masks, no .json"),
    ],
)
def test_bad_files_give_one_line(name: str, content: object, line: str, tmp_path: Path) -> None:
    with pytest.raises(LongtakeError) as error:
        import_masks(open_masks(write(tmp_path / name, content)), tmp_path / "out")
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("text", ["0 0 0 1 1", "x 0 0 0 1 1 1", "0 0 0 5 5 1 1", "0 0 0 nan 1 1 1"])
def test_bad_lines_of_yolo_are_named(text: str, tmp_path: Path) -> None:
    Image.new("RGB", (10, 8)).save(tmp_path / "a.png")
    (tmp_path / "set/labels").mkdir(parents=True)
    write(tmp_path / "set/labels/a.txt", f"\n{text}\n")
    with pytest.raises(LongtakeError, match=r"a\.txt, line 2: no "):
        import_masks(open_masks(tmp_path / "set", frames=tmp_path), tmp_path / "out")


def test_several_videos_in_one_file_and_in_a_folder(tmp_path: Path) -> None:
    both = [video([{1: np.eye(5, dtype=bool)}], (5, 5), name) for name in ("cup", "dog")]
    for kind, name in (("coco", "c.json"), ("ytvis", "y.json")):
        export(both, kind, tmp_path / name)
        assert [found.name for found in open_masks(tmp_path / name)] == ["cup", "dog"]
    assert [path.name for path in export(both, "cvat", tmp_path / "xml")] == ["cup.xml", "dog.xml"]
    export(both, "yolo", tmp_path / "yolo")
    for name in ("cup", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("RGB", (5, 5)).save(tmp_path / "images" / name / "00000.png")
    found = open_masks(tmp_path / "yolo", frames=tmp_path / "images")
    assert [each.name for each in found] == ["cup", "dog"]
    assert all(np.array_equal(masks(each)[0][1], np.eye(5)) for each in found)
    import_masks(found, tmp_path / "masks")
    assert [each.name for each in open_masks(tmp_path / "masks")] == ["cup", "dog"]


@pytest.mark.parametrize("kind", ["coco", "ytvis", "cvat", "yolo"])
def test_nothing_is_left_of_what_fails(kind: str, tmp_path: Path) -> None:
    good = video([{1: np.eye(5, dtype=bool)}] * 2, (5, 5))
    reads = itertools.count()

    def fail(place: int) -> dict[int, Region]:
        if next(reads):
            raise LongtakeError("cannot be read")
        return dict(good.read(place))

    with pytest.raises(LongtakeError, match="cannot be read"):
        export([MaskVideo("cup", good.stills, fail)], kind, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long video no two frames are held at once."""
    held: list[int] = []
    mask = np.eye(8, dtype=bool)

    class Counted(dict[int, Region]):
        def __init__(self) -> None:
            region = cut(mask)
            assert region is not None
            super().__init__({1: region})
            held.append(1)

        def __del__(self) -> None:
            held.pop()

    stills = [Still(i, f"{i:06d}", (8, 8), f"{i}.jpg") for i in range(300)]
    most: list[int] = []

    def read(place: int) -> Counted:
        most.append(len(held))
        return Counted()

    for kind in ("coco", "ytvis", "cvat", "yolo"):
        export([MaskVideo("long", stills, read)], kind, tmp_path / kind)
    assert max(most) <= 1
