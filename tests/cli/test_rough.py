"""Prompts that are no masks, relabelling and forgetting on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., int]


def ids(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def box_of(mask: np.ndarray) -> str:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return f"{columns[0]},{rows[0]},{columns[-1] + 1},{rows[-1] + 1}"


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture
def words(folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path) -> list[object]:
    return ["segment", folder_clip[0], "--model", tiny_model, "--out", tmp_path / "out", "--save", ""]


def test_a_box_a_point_and_a_scribble_stand_for_masks(
    words: list[object], folder_clip: tuple[Path, Path], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = ids(folder_clip[1] / "0.png")
    rows, columns = np.nonzero(truth == 2)
    middle = f"{columns.mean():.0f},{rows.mean():.0f}"
    given = ["--box", f"1={box_of(truth == 1)}", "--point", f"2={middle}", "--scribble", f"2={middle};{middle}"]
    assert run(*words, *given, "--background", "2=1,1", "--background-scribble", "2=0,60;90,60") == 0
    made = ids(tmp_path / "out/prompts/0.png")
    assert overlap(made == 1, truth == 1) > 0.8
    assert (made == 2).any()
    assert np.array_equal(made, ids(tmp_path / "out/labels/0.png"))
    assert len(list((tmp_path / "out/labels").iterdir())) == 6
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "made masks" in line]
    assert "frame 0: made masks of object 1 (" in line
    assert line.endswith("out/prompts/0.png")
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["masks"] is None
    assert record["prompts"][0]["object"] == 1


def test_prompts_of_any_frame_beside_masks(
    words: list[object], folder_clip: tuple[Path, Path], tmp_path: Path, run: Run
) -> None:
    truth = ids(folder_clip[1] / "3.png")
    entries = [
        {"object": 1, "frame": 3, "box": [float(edge) for edge in box_of(truth == 1).split(",")]},
        {"object": 9, "time": 4 / 24, "points": [[5, 5]]},
    ]
    (tmp_path / "prompts.json").write_text(json.dumps(entries))
    assert run(*words, "--masks", folder_clip[1] / "0.png", "--prompts", tmp_path / "prompts.json") == 0
    assert sorted(path.name for path in (tmp_path / "out/prompts").iterdir()) == ["3.png", "4.png"]
    assert overlap(ids(tmp_path / "out/labels/3.png") == 1, truth == 1) > 0.8
    assert (ids(tmp_path / "out/labels/4.png") == 9).any()
    assert not (ids(tmp_path / "out/labels/3.png") == 9).any()


def test_points_correct_what_is_there_and_spare_other_masks(
    words: list[object], folder_clip: tuple[Path, Path], tmp_path: Path, run: Run
) -> None:
    truth = ids(folder_clip[1] / "0.png")
    rows, columns = np.nonzero(truth == 1)
    inside = f"1={columns[0]},{rows[0]}"
    assert run(*words, "--masks", folder_clip[1] / "0.png", "--point", inside) == 0
    made = ids(tmp_path / "out/prompts/0.png")
    assert np.array_equal(made == 2, truth == 2)
    assert (made == 1)[truth == 1].all()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([], "nothing to follow: give --masks, --box, --point, --scribble or --prompts"),
        (["--point", "2=-350,20"], "object 2, frame 0: point -350,20: outside the frame, which is 96x64 pixels"),
        (["--box", "1=5,5,200,30"], "object 1, frame 0: box 5,5,200,30: outside the frame"),
        (["--box", "1=5,5,4,30"], "left, top, right and bottom edge"),
        (["--box", "here"], "--box here: write it as ID=X0,Y0,X1,Y1"),
        (["--background", "1=5,5"], "object 1, frame 0: only background is given"),
        (["--point", "1=5,5", "--sam", "one.onnx"], "--sam one.onnx: two files"),
        (["--point", "1=5,5", "--sam", "one.onnx,two.onnx"], "one.onnx: no such file"),
        (["--point", "1=5,5", "--forget", "soon"], "--forget soon: write it as seconds"),
        (["--prompts", "none.yaml"], "none.yaml: no prompts can be read"),
    ],
)
def test_bad_prompts_give_one_line(
    given: list[str], line: str, words: list[object], run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, *given) == 1
    (said,) = capfd.readouterr().err.splitlines()
    assert line in said


def test_all_that_is_wrong_in_a_file_is_told(
    words: list[object], tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.yaml").write_text("- {object: 1}\n- {object: 0, points: [[1, 2]]}\n")
    assert run(*words, "--prompts", tmp_path / "p.yaml") == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "longtake: 2 problems, so nothing was segmented"


def test_a_prompt_of_no_frame_is_told_and_the_rest_is_kept(
    words: list[object], folder_clip: tuple[Path, Path], tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.yaml").write_text("- {object: 1, frame: 30, points: [[1, 2]]}\n")
    given = (*words, "--prompts", tmp_path / "p.yaml")
    assert run(*given, "--masks", folder_clip[1] / "0.png") == 1
    assert "p.yaml, entry 1, object 1: no frame at #30 (all else is written)" in capfd.readouterr().err
    assert len(list((tmp_path / "out/labels").iterdir())) == 6
    assert run(*given, "--masks", folder_clip[1] / "0.png", "--end", "#2") == 0
    assert run(*given, "--end", "#2") == 1


def test_batch_takes_prompts_for_masks(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "p.json").write_text(json.dumps([{"object": 5, "points": [[30, 30]]}]))
    (tmp_path / "videos.csv").write_text(f"source,prompts,model\nframes,p.json,{tiny_model}\n")
    given = ("batch", tmp_path / "videos.csv", "--out", tmp_path / "all", "--save", "", "--workers", 1)
    assert run(*given) == 0
    assert (ids(tmp_path / "all/frames/labels/0.png") == 5).any()
    assert (tmp_path / "all/frames/prompts/0.png").exists()
    assert run(*given) == 0


def test_forgetting_is_off_by_default_and_told(
    words: list[object], folder_clip: tuple[Path, Path], tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    masks = tmp_path / "given"
    masks.mkdir()
    (masks / "0.png").write_bytes((folder_clip[1] / "0.png").read_bytes())
    Image.fromarray(np.full((64, 96), 7, np.uint8)).save(masks / "2.png")  # covers all: 1 and 2 are unseen
    assert run(*words, "--masks", masks) == 0
    assert "forgotten" not in capfd.readouterr().err
    assert run(*words, "--masks", masks, "--forget", "#1") == 0
    err = capfd.readouterr().err
    assert "frame 2: object 1 is forgotten, last seen in frame 1" in err
    table = (tmp_path / "out/frames.csv").read_text().splitlines()
    assert table[-1].split(",")[6:10] == ["", "", "", ""]


def test_relabel(
    words: list[object], folder_clip: tuple[Path, Path], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--masks", folder_clip[1] / "0.png", "--save", "overlay") == 0
    out, before = tmp_path / "out", ids(tmp_path / "out/labels/0.png")
    capsys.readouterr()
    assert run("relabel", out, "--swap", "1,2", "--to", "0") == 0
    said = capsys.readouterr().out
    assert "1 of 6 masks changed" in said
    assert "longtake export" in said
    after = ids(out / "labels/0.png")
    assert np.array_equal(after == 1, before == 2)
    assert np.array_equal(after == 2, before == 1)
    assert run("relabel", out, "--remove", "9") == 1
    assert "object 9: in no frame" in capsys.readouterr().err
    assert run("relabel", out, "--rename", "1=300", "--from", "#9") == 1
