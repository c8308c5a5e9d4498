"""Prompts as people write them."""

import json
from pathlib import Path

import pytest
import yaml

from longtake.errors import SettingError, UnfitError
from longtake.prompting.prompted import Prompted, from_options, read_prompts
from longtake.prompting.rough import Rough
from longtake.video.spans import parse_mark


def test_options_of_one_object_come_together() -> None:
    given = {
        "--box": ["1=10,20,30.5,40"],
        "--point": ["2=1,2", "1=3,4", "2=5,6"],
        "--background": ["2=7,8"],
        "--scribble": ["70=1,2;3,4;5,6"],
        "--background-scribble": [],
    }
    assert from_options(given) == [
        Prompted(1, Rough(box=(10, 20, 30.5, 40), points=((3, 4),))),
        Prompted(2, Rough(points=((1, 2), (5, 6)), background_points=((7, 8),))),
        Prompted(70, Rough(scribbles=(((1, 2), (3, 4), (5, 6)),))),
    ]


@pytest.mark.parametrize(
    ("option", "texts", "line"),
    [
        ("--box", ["1=1,2,3"], r"--box 1=1,2,3: write it as ID=X0,Y0,X1,Y1"),
        ("--box", ["1=1,2,3,x"], "write it as"),
        ("--box", ["1=1,2;3,4"], "write it as"),
        ("--box", ["100,80,220,300"], "write it as"),
        ("--point", ["2=1"], "write it as ID=X,Y"),
        ("--point", ["2=1,nan"], "write it as"),
        ("--point", ["x=1,2"], "write it as"),
        ("--scribble", ["1=1,2;3"], "write it as ID=X,Y;X,Y;"),
        ("--point", ["0=1,2"], "from 1 to 65535"),
        ("--point", ["65536=1,2"], "from 1 to 65535"),
        ("--box", ["1=1,2,3,4", "1=1,2,3,4"], "object 1 has a box already"),
    ],
)
def test_texts_that_are_none(option: str, texts: list[str], line: str) -> None:
    with pytest.raises(SettingError, match=line):
        from_options({option: texts})


ENTRIES = [
    {"object": 1, "box": [100, 80, 220, 300]},
    {"object": 2, "frame": 40, "points": [[340, 120]], "background_points": [[350, 200]]},
    {"object": 1, "time": "0:12", "scribbles": [[[90, 80], [120, 160]]], "background_scribbles": [[[10, 10], [6, 2]]]},
]


@pytest.mark.parametrize("name", ["prompts.json", "prompts.yaml"])
def test_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(ENTRIES) if name.endswith("json") else yaml.safe_dump(ENTRIES))
    first, second, third = read_prompts(path)
    assert (first.object, first.rough, first.at) == (1, Rough(box=(100, 80, 220, 300)), None)
    assert second.rough == Rough(points=((340, 120),), background_points=((350, 200),))
    assert second.at is not None
    assert (second.at.frame, third.at) == (40, parse_mark("0:12", ""))
    assert third.rough == Rough(scribbles=(((90, 80), (120, 160)),), background_scribbles=(((10, 10), (6, 2)),))
    assert str(second) == f"{path}, entry 2, object 2"


def test_yaml_s_own_reading_of_clock_times_is_right(tmp_path: Path) -> None:
    (path := tmp_path / "p.yaml").write_text("- {object: 1, time: 1:10.5, points: [[1, 2]]}\n")
    (only,) = read_prompts(path)
    assert only.at is not None
    assert only.at.seconds == 70.5


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    wrong = [
        {"object": 0, "points": [[1, 2]]},
        {"object": 1},
        {"object": 1, "frame": 3, "time": 4, "points": [[1, 2]]},
        {"object": 1, "time": "soon", "points": [[1, 2]]},
        {"box": [1, 2, 3, 4], "colour": "red"},
        {"object": 2, "box": [1, 2, 3]},
        {"object": 2, "points": [[1, 2]]},
        "text",
    ]
    (path := tmp_path / "p.json").write_text(json.dumps(wrong))
    with pytest.raises(UnfitError) as caught:
        read_prompts(path)
    words = "\n".join(problem.removeprefix(f"{path}, ") for problem in caught.value.problems)
    for line in (
        "entry 1: object 0: input should be greater",
        "entry 2: no box, no points, no scribbles",
        "entry 3: frame and time; leave one of them out",
        "entry 4: time soon: write it as seconds",
        "entry 5: no object",
        "entry 5: colour is no key; there are: object, frame, time, box",
        "entry 6: box.3",
        "entry 8: ",
    ):
        assert line in words
    assert "entry 7" not in words


@pytest.mark.parametrize("text", ["", "{}", "[", "a: b", "[]"])
def test_what_is_no_list(text: str, tmp_path: Path) -> None:
    (path := tmp_path / "p.yaml").write_text(text)
    with pytest.raises(SettingError, match=r"p\.yaml: no "):
        read_prompts(path)
    with pytest.raises(SettingError, match="no prompts can be read"):
        read_prompts(tmp_path / "none.json")
