"""Ids changed in images that are there."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from longtake.data.labels import read_labels
from longtake.data.relabel import Changes, parse_changes, relabel
from longtake.errors import LongtakeError, MaskError, SettingError
from longtake.video.palette import voc_palette, write_labels
from longtake.video.spans import Span, parse_span

ROWS = ([0, 1, 1, 2], [0, 1, 2, 3], [0, 0, 0, 3], [1, 2, 3, 3])


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Four label images."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for index, row in enumerate(ROWS):
        write_labels(folder / f"{index:05d}.png", np.array([row], np.uint16))
    return folder


def rows(folder: Path) -> list[list[int]]:
    return [read_labels(path)[0].tolist() for path in sorted(folder.glob("*.png"))]


@pytest.mark.parametrize(
    ("said", "span", "expected"),
    [
        ({"swaps": ["1,2"]}, ("", ""), [[0, 2, 2, 1], [0, 2, 1, 3], [0, 0, 0, 3], [2, 1, 3, 3]]),
        ({"swaps": ["1,2"]}, ("#1", "#2"), [ROWS[0], [0, 2, 1, 3], ROWS[2], ROWS[3]]),
        ({"renames": ["3=4"]}, ("#2", ""), [ROWS[0], ROWS[1], [0, 0, 0, 4], [1, 2, 4, 4]]),
        ({"renames": ["3=1"]}, ("#2", "#2"), [ROWS[0], ROWS[1], [0, 0, 0, 1], ROWS[3]]),
        ({"merges": ["2,3=2"]}, ("", ""), [ROWS[0], [0, 1, 2, 2], [0, 0, 0, 2], [1, 2, 2, 2]]),
        ({"removed": ["2,3"]}, ("", "#1"), [[0, 1, 1, 0], [0, 1, 0, 0], ROWS[2], ROWS[3]]),
        ({"renames": ["1=2", "2=3", "3=1"]}, ("#1", "#1"), [ROWS[0], [0, 2, 3, 1], ROWS[2], ROWS[3]]),
        ({"renames": ["3=1"], "removed": ["1"]}, ("", ""), [[0, 0, 0, 2], [0, 0, 2, 1], [0, 0, 0, 1], [0, 2, 1, 1]]),
    ],
)
def test_changes_within_a_range(
    said: dict[str, list[str]], span: tuple[str, str], expected: list[list[int]], masks: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in masks.iterdir()}
    (masks / "notes.txt").write_text("kept")
    chosen = parse_span(*(text or None for text in span))
    changed, count = relabel(masks, parse_changes(**said), chosen, tmp_path / "new")
    assert rows(tmp_path / "new") == [list(row) for row in expected]
    assert rows(masks) == [list(row) for row in ROWS]
    assert count == 4
    assert changed == sum(list(a) != list(b) for a, b in zip(expected, ROWS, strict=True))
    assert relabel(masks, parse_changes(**said), chosen) == (changed, count)
    assert rows(masks) == [list(row) for row in expected]
    assert (masks / "notes.txt").read_text() == "kept"
    for path in masks.glob("*.png"):
        same = path.read_bytes() == before[path.name]
        assert same or expected[int(path.stem)] != ROWS[int(path.stem)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks", "new"]


def test_large_ids_make_16_bits_and_small_ones_a_palette_again(masks: Path) -> None:
    relabel(masks, parse_changes(renames=["3=65535"]), Span())
    assert rows(masks)[1] == [0, 1, 2, 65535]
    with Image.open(masks / "00001.png") as image:
        assert image.mode.startswith("I;16")
    with Image.open(masks / "00000.png") as image:
        assert image.mode == "P"
    relabel(masks, parse_changes(renames=["65535=254"]), Span())
    with Image.open(masks / "00001.png") as image:
        assert image.mode == "P"
        assert image.getpalette() == voc_palette().reshape(-1).tolist()
    assert rows(masks)[1] == [0, 1, 2, 254]


@pytest.mark.parametrize(
    ("said", "span", "line"),
    [
        ({"renames": ["3=1"]}, ("", ""), "frame 00001: 3 would become 1, which is there too; --merge 3=1"),
        ({"removed": ["9"]}, ("", ""), "object 9: in no frame from the start to the end; ids there: 1, 2, 3"),
        ({"removed": ["3"]}, ("", "#0"), "object 3: in no frame"),
        ({"removed": ["3"]}, ("#7", ""), "no frame from #7 to the end; there are 00000 to 00003"),
        ({"removed": ["3"]}, ("0:10", ""), "0:10: without frames.csv"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    said: dict[str, list[str]], span: tuple[str, str], line: str, masks: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in masks.iterdir()}
    for out in (None, tmp_path / "new"):
        with pytest.raises(SettingError, match=line):
            relabel(masks, parse_changes(**said), parse_span(*(text or None for text in span)), out)
    assert {path.name: path.read_bytes() for path in masks.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({}, "nothing to change"),
        ({"swaps": ["1"]}, "--swap 1: write it as A,B"),
        ({"swaps": ["1,2,3"]}, "write it as A,B"),
        ({"renames": ["1,2=3"]}, "--rename 1,2=3: write it as A=B"),
        ({"renames": ["1"]}, "write it as A=B"),
        ({"merges": ["1,2"]}, "write it as A,B,...=C"),
        ({"removed": ["0"]}, "ids from 1 to 65535"),
        ({"removed": ["65536"]}, "ids from 1 to 65535"),
        ({"swaps": ["1,2"], "removed": ["2"]}, "--remove 2: object 2 is changed twice"),
    ],
)
def test_texts_that_are_none(said: dict[str, list[str]], line: str) -> None:
    with pytest.raises(SettingError, match=line):
        parse_changes(**said)


def test_folders_and_images_that_are_none(masks: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(MaskError, match="no label images"):
            relabel(path, Changes({1: 2}), Span())
    with pytest.raises(SettingError, match="is there already"):
        relabel(masks, Changes({1: 4}), Span(), masks)
    Image.fromarray(np.array([[1, 255]], np.uint8)).save(masks / "00001.png")
    with pytest.raises(MaskError, match="holds 255"):
        relabel(masks, Changes({1: 4}), Span())
    (masks / "00001.png").write_bytes(b"no image")
    with pytest.raises(MaskError, match="not a readable image"):
        relabel(masks, Changes({1: 4}), Span())
    assert not list(tmp_path.glob(".*"))


TABLE = """index,name,seconds,ticks,time_base,keyframe,confidence_1,presence_1,area_1,confidence_2,presence_2,area_2
0,a,10.000000,20,1/2,1,0.9000,visible,0.500000,,,
1,b,10.500000,21,1/2,0,0.8000,visible,0.250000,0.4000,returned,0.750000
2,c,11.000000,22,1/2,0,,hidden,0.000000,0.6000,visible,0.500000
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "result"
    (folder / "labels").mkdir(parents=True)
    for name, row in (("a", [0, 0, 1, 1]), ("b", [1, 2, 2, 2]), ("c", [0, 0, 2, 2])):
        write_labels(folder / "labels" / f"{name}.png", np.array([row], np.uint16))
    (folder / "frames.csv").write_text(TABLE)
    (folder / "run.json").write_text('{"objects": [1, 2], "frames": 3}')
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_and_the_record_are_brought_in_line(results: Path, tmp_path: Path) -> None:
    relabel(results, parse_changes(merges=["1,2=7"]), parse_span("0.5", None), tmp_path / "new")
    first, second, third = table(tmp_path / "new" / "frames.csv")
    assert (first["confidence_1"], first["area_1"], first["presence_7"]) == ("0.9000", "0.500000", "")
    assert (second["confidence_7"], second["area_7"], second["presence_1"]) == ("0.5000", "1.000000", "")
    assert (third["confidence_7"], third["area_7"]) == ("0.6000", "0.500000")
    assert [row["presence_7"] for row in (second, third)] == ["visible", "visible"]
    assert "presence_2" not in first
    assert [first[key] for key in ("name", "ticks", "keyframe")] == ["a", "20", "1"]
    record = json.loads((tmp_path / "new" / "run.json").read_text())
    assert record == {
        "objects": [1, 7],
        "frames": 3,
        "relabelled": [{"changes": {"1": 7, "2": 7}, "span": "from 0.5 to the end"}],
    }
    assert (results / "frames.csv").read_text() == TABLE
    assert rows(tmp_path / "new" / "labels") == [[0, 0, 1, 1], [7, 7, 7, 7], [0, 0, 7, 7]]


def test_swapping_twice_gives_back_what_was(results: Path) -> None:
    relabel(results, parse_changes(swaps=["1,2"]), parse_span("#1", None))
    assert rows(results / "labels")[1:] == [[2, 1, 1, 1], [0, 0, 1, 1]]
    assert table(results / "frames.csv")[1]["confidence_1"] == "0.4000"
    relabel(results, parse_changes(swaps=["1,2"]), parse_span("0.5", "1"))
    assert (results / "frames.csv").read_text() == TABLE
    assert sorted(path.name for path in results.iterdir()) == ["frames.csv", "labels", "run.json"]


def test_a_table_that_is_none_is_told(results: Path) -> None:
    (results / "frames.csv").write_text("name\nx\n")
    with pytest.raises(LongtakeError, match="not a table of frames"):
        relabel(results, Changes({1: 3}), parse_span("0.5", None))


@given(st.lists(st.integers(0, 65535).filter(lambda i: i != 255), min_size=1, max_size=12), st.data())
def test_every_pixel_gets_its_new_id(
    tmp_path_factory: pytest.TempPathFactory, row: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_labels(folder / "0.png", np.array([row], np.uint16))
    ids = sorted(set(row) - {0})
    if not ids:
        return
    old, new = (
        data.draw(st.sampled_from(ids)),
        data.draw(st.integers(1, 65535).filter(lambda i: i not in ids and i != 255)),
    )
    relabel(folder, parse_changes(renames=[f"{old}={new}"]), Span())
    assert rows(folder) == [[new if i == old else i for i in row]]
