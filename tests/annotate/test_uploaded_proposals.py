"""Uploaded masks: every format gives the same frames, whatever does not fit is one line, archives do no harm."""

import io
import stat
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake.annotate.proposals import Proposals, Target
from longtake.annotate.unpack import unpack
from longtake.errors import InputError, LongtakeError
from longtake.export.convert import export
from longtake.export.exchange import MaskVideo, Still, regions_of
from longtake.export.things import Thing, with_categories
from longtake.video.palette import write_labels

SIZE = 12, 16


def labels(*ids: int) -> np.ndarray:
    """An id image with a filled block for each."""
    found = np.zeros(SIZE, np.uint16)
    for place, name in enumerate(ids):
        found[2:6, 4 * place : 4 * place + 3] = name
    return found


TRUTH = {0: labels(1), 2: labels(1, 300), 3: labels(300)}


def video(frames: dict[int, np.ndarray], count: int = 5, name: str = "cup", digits: int = 6) -> MaskVideo:
    stills = [Still(index, f"{index:0{digits}d}", SIZE, f"{index:0{digits}d}.jpg") for index in range(count)]
    return MaskVideo(name, stills, lambda place: regions_of(frames.get(place, labels())))


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """Five frames, named from 0 on."""
    source = tmp_path / "project" / "cup"
    source.mkdir(parents=True)
    for index in range(5):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(source / f"{index:06d}.jpg")
    return Target("cup.mp4", [f"{index:06d}" for index in range(5)], SIZE, source)


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def png(ids: np.ndarray, folder: Path) -> bytes:
    path = folder / "mask.png"
    write_labels(path, ids)
    content = path.read_bytes()
    path.unlink()
    return content


def packed_tree(path: Path, root: Path, below: str = "") -> Path:
    return pack(path, {f"{below}{f.relative_to(root)}": f.read_bytes() for f in root.rglob("*") if f.is_file()})


def read(path: Path, target: Target) -> dict[int, np.ndarray]:
    found = dict(Proposals(path, target))
    assert list(found) == sorted(found)
    assert not list(path.parent.glob(".unpacked*"))
    return found


def line(path: Path, target: Target) -> str:
    with pytest.raises(LongtakeError) as caught:
        read(path, target)
    assert not list(path.parent.glob(".unpacked*"))
    text = str(caught.value)
    assert "\n" not in text and ".unpacked" not in text and f"{path.parent}/{path.name}" not in text
    return text


def same(found: dict[int, np.ndarray], truth: dict[int, np.ndarray] = TRUTH) -> bool:
    return found.keys() == truth.keys() and all((found[index] == truth[index]).all() for index in truth)


@pytest.mark.parametrize(("kind", "file"), [("coco", "a.json"), ("ytvis", "a.JSON"), ("cvat", "a.xml")])
def test_files_of_other_programs(tmp_path: Path, target: Target, kind: str, file: str) -> None:
    path = tmp_path / file
    export([with_categories(video(TRUTH), {300: Thing(category="cat")})], kind, path)
    proposals = Proposals(path, target)
    assert same(dict(proposals)) and proposals.categories == {300: "cat"}
    inside = {"task/images/000000.jpg": b"no mask", f"task/{file}": path.read_bytes(), "task/run.json": b"{}"}
    assert same(read(pack(tmp_path / "b.zip", inside), target))


@pytest.mark.parametrize("below", ["", "masks/", "some/where/deep/"])
@pytest.mark.parametrize("digits", [1, 6])
def test_archives_of_mask_images(tmp_path: Path, target: Target, below: str, digits: int) -> None:
    files = {f"{below}{index:0{digits}d}.png": png(ids, tmp_path) for index, ids in TRUTH.items()}
    hidden = {"__MACOSX/._0.png": b"", f"{below}.DS_Store": b"", f"{below}read me.pdf": b"", f"{below}Thumbs.db": b""}
    assert same(read(pack(tmp_path / "m.zip", files | hidden), target))


def test_a_folder_for_each_video(tmp_path: Path, target: Target) -> None:
    files = {
        f"Annotations/{name}/{index}.png": png(TRUTH[index], tmp_path) for name in ("dog", "cup") for index in TRUTH
    }
    files["Annotations/dog/0.png"] = png(labels(9), tmp_path)
    assert same(read(pack(tmp_path / "m.zip", files), target))
    files = {name.replace("cup", "hat"): content for name, content in files.items()}
    assert "m.zip: 2 videos (dog, hat), none of them named cup.mp4" in line(pack(tmp_path / "m.zip", files), target)


def test_several_videos_in_a_file(tmp_path: Path, target: Target) -> None:
    export([video({0: labels(9)}, name="dog"), video(TRUTH)], "coco", tmp_path / "a.json")
    assert same(read(tmp_path / "a.json", target))
    export([video({0: labels(9)}, name="dog"), video(TRUTH, name="hat")], "ytvis", tmp_path / "a.json")
    assert line(tmp_path / "a.json", target).startswith("a.json: 2 videos (dog, hat), none")
    export([video(TRUTH, name="another")], "ytvis", tmp_path / "a.json")
    assert same(read(tmp_path / "a.json", target))


@pytest.mark.parametrize("below", ["", "set/"])
def test_folders_of_yolo(tmp_path: Path, target: Target, below: str) -> None:
    export([video(TRUTH)], "yolo", tmp_path / "one")
    assert same(read(packed_tree(tmp_path / "a.zip", tmp_path / "one", below), target))
    assert same(
        read(packed_tree(tmp_path / "b.zip", tmp_path / "one" / "labels", below), target),
        {0: labels(1), 2: labels(1, 2), 3: labels(1)},
    )  # without the names of classes objects are numbered
    export([video({0: labels(9)}, name="dog"), video(TRUTH)], "yolo", tmp_path / "two")
    assert same(read(packed_tree(tmp_path / "c.zip", tmp_path / "two", below), target))


def test_frames_without_numbers_are_numbered_by_place(tmp_path: Path, target: Target) -> None:
    named = Target("cup", list("abcde"), SIZE, target.source)
    assert same(read(pack(tmp_path / "m.zip", {f"{i}.png": png(ids, tmp_path) for i, ids in TRUTH.items()}), named))
    files = {f"{'abcde'[i]}.png": png(ids, tmp_path) for i, ids in TRUTH.items()}
    assert same(read(pack(tmp_path / "m.zip", files), named))
    numbers = Target("cup", ["5", "6", "7", "8", "9"], SIZE, target.source)
    assert same(
        read(pack(tmp_path / "m.zip", {f"{i + 5:04d}.png": png(ids, tmp_path) for i, ids in TRUTH.items()}), numbers)
    )


def test_what_does_not_fit_is_told(tmp_path: Path, target: Target) -> None:
    mask = png(labels(1), tmp_path)
    small = png(labels(1)[:4], tmp_path)
    cases: dict[str, dict[str, bytes]] = {
        "a.zip: 2 masks fit no frame of cup.mp4 (first: 7, x); its 5 frames go from 000000 to 000004": {
            "1.png": mask,
            "7.png": mask,
            "x.png": mask,
        },
        "a.zip: frame 1: masks of 16x4 pixels, but cup.mp4 has 16x12": {"1.png": small},
        "a.zip: 2.png: 16x4 pixels, but 1.png is 16x12": {"1.png": mask, "2.png": small},
        "a.zip: 01 and 1 are masks of one frame": {"1.png": mask, "01.png": mask},
        "a.zip: no masks in it; pack": {"readme.md": b"hello"},
        "a.zip: 1.png: not a readable image": {"1.png": b"hello"},
        "a.zip: deep/a.json: not readable as JSON": {"deep/a.json": b"hello"},
        "a.zip: x.xml: not readable as XML": {"x.xml": b"hello", "1.png": mask},
        "a.zip: labels/000001.txt, line 1: no class": {"labels/000001.txt": b"hello", "data.yaml": b"{}"},
    }
    for due, files in cases.items():
        assert line(pack(tmp_path / "a.zip", files), target).startswith(due)
    for name, content in {"a.zip": b"PK\x03\x04hello", "b.zip": b"", "c.png": mask, "d": mask, "e.json": b"[]"}.items():
        (tmp_path / name).write_bytes(content)
        assert line(tmp_path / name, target).startswith(f"{name}: ")
    assert "no such file" in line(tmp_path / "gone.json", target)
    huge = "9" * 100
    assert f"1 masks fit no frame of cup.mp4 (first: {huge})" in line(
        pack(tmp_path / "a.zip", {f"{huge}.png": mask}), target
    )


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo("x")
    found.filename, found.create_system, found.external_attr = name, 3, mode << 16
    return found


@pytest.mark.parametrize(
    ("name", "mode", "due"),
    [
        ("../1.png", 0, "would lie outside"),
        ("a/../../1.png", 0, "would lie outside"),
        ("/etc/1.png", 0, "would lie outside"),
        ("C:/1.png", 0, "would lie outside"),
        ("..\\1.png", 0, "would lie outside"),
        ("//server/share/1.png", 0, "would lie outside"),
        ("a//1.png", 0, "would lie outside"),
        ("./1.png", 0, "would lie outside"),
        ("1.png", stat.S_IFLNK | 0o777, "is a link"),
        ("1.png", stat.S_IFIFO | 0o644, "is no plain file"),
        ("1.png", stat.S_IFCHR | 0o644, "is no plain file"),
        ("a" * 250 + ".png", 0, "is too long a name"),
        ("a/" * 30 + "1.png", 0, "or too deep"),
        ("a\n.png", 0, "is not a name"),
    ],
)
def test_archives_that_would_do_harm(tmp_path: Path, target: Target, name: str, mode: int, due: str) -> None:
    path = tmp_path / "up" / "a.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.png", png(labels(1), tmp_path))
        archive.writestr(entry(name, mode), b"../../../etc/passwd")
    before = set(tmp_path.rglob("*"))
    text = line(path, target)
    assert text.startswith("a.zip: ") and due in text
    assert set(tmp_path.rglob("*")) == before


def test_bombs(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {f"{index}.png": bytes(1 << 20) for index in range(4)})
    assert path.stat().st_size < 10_000
    for place, (keywords, due) in enumerate(
        (
            ({"most_bytes": 3 << 20}, "more than 3,145,728 bytes when unpacked"),
            ({"most_files": 3}, "4 files; an archive may"),
        )
    ):
        folder = tmp_path / str(place)
        folder.mkdir()
        with pytest.raises(InputError, match=due):
            unpack(path, folder, {".png"}, **keywords)
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 3 << 20
    lying = bytearray(path.read_bytes())
    for at in (i for i in range(len(lying)) if lying[i : i + 4] == (1 << 20).to_bytes(4, "little")):
        lying[at : at + 4] = (10).to_bytes(4, "little")  # the archive says that files are small
    path.write_bytes(lying)
    (tmp_path / "2").mkdir()
    with pytest.raises(InputError, match=r"a\.zip: (cannot be unpacked|more than)"):
        unpack(path, tmp_path / "2", {".png"}, most_bytes=1 << 20)
    assert sum(file.stat().st_size for file in (tmp_path / "2").iterdir()) <= 1 << 20


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("1.png", "1.png"), ("A.png", "a.png"), ("a.png", "a.png/b.png"), ("a.png/b.png", "A.png")]
)
def test_files_in_one_place(tmp_path: Path, names: tuple[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="is in it twice"):
        unpack(tmp_path / "a.zip", tmp_path / "out", {".png"})
    assert not list((tmp_path / "out").iterdir())


def test_rare_compression_and_passwords(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("1.png", b"x")
    with pytest.raises(InputError, match="compressed in a rare way"):
        unpack(tmp_path / "a.zip", tmp_path, {".png"})
    content = bytearray(pack(tmp_path / "a.zip", {"1.png": b"x"}).read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be unpacked.*password"):
        unpack(tmp_path / "a.zip", tmp_path, {".png"})


@given(st.data())
@settings(max_examples=60)
def test_damaged_archives_are_one_line(data: st.DataObject) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.png", bytes(range(256)) * 4)
        archive.writestr("a/2.png", b"")
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "up.zip", Path(folder) / "out"
        path.write_bytes(content)
        out.mkdir()
        try:
            unpack(path, out, {".png"})
        except LongtakeError as error:
            assert "\n" not in str(error)
        assert {file.name for file in Path(folder).iterdir()} == {"up.zip", "out"}


@given(
    st.dictionaries(
        st.integers(0, 9), st.lists(st.integers(1, 65_535), min_size=1, max_size=3, unique=True), min_size=1
    )
)
@settings(max_examples=25)
def test_ids_and_gaps_survive(present: dict[int, list[int]]) -> None:
    truth = {index: labels(*ids) for index, ids in present.items()}
    target = Target("cup", [f"{index:06d}" for index in range(10)], SIZE, Path("cup.mp4"))
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        files = {f"cup/{index:05d}.png": png(ids, where) for index, ids in truth.items()}
        assert same(read(pack(where / "m.zip", files), target), truth)
        for kind, file in (("coco", "a.json"), ("ytvis", "b.json"), ("cvat", "c.xml")):
            export([video(truth, 10)], kind, where / file)
            assert same(read(where / file, target), truth)


def test_what_is_left_midway_leaves_nothing(tmp_path: Path, target: Target) -> None:
    path = pack(tmp_path / "m.zip", {f"{index}.png": png(ids, tmp_path) for index, ids in TRUTH.items()})
    frames = iter(Proposals(path, target))
    assert next(frames)[0] == 0
    assert list(tmp_path.glob(".unpacked*"))
    frames.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.glob(".unpacked*"))
