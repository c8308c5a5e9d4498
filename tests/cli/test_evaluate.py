"""`longtake evaluate` and `longtake benchmark`, from words to files."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datasets
from longtake.data.labels import read_labels
from longtake.evaluation.report.page import sparkline

Run = Callable[..., int]
TRUTH = {"cup": datasets.clip(6, (1, 2)), "dog": datasets.clip(8, (1,))}
NEAR = {name: datasets.shifted(frames) for name, frames in TRUTH.items()}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return datasets.davis(tmp_path / "data", TRUTH), datasets.folders(tmp_path / "near", NEAR)


def test_evaluate_writes_what_it_shows(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / name for name in ("a.json", "a.csv", "a.html")]
    options = ["--json", files[0], "--csv", files[1], "--html", files[2]]
    words = ["--annotations", pair[0], "--predictions", pair[1], *options]
    assert run("evaluate", "--protocol", "davis2017", *words) == 0
    shown = capsys.readouterr().out
    content = json.loads(files[0].read_text())
    assert set(content["global"]) == {"J&F", "J", "J_recall", "J_decay", "F", "F_recall", "F_decay"}
    assert f"{content['global']['J&F']:.3f}" in shown and "first and last of them left out" in shown
    thing = content["objects"]["cup/2"]
    assert set(thing["J"]) == {"mean", "recall", "decay", "per_frame"}
    assert thing["J"]["mean"] == pytest.approx(np.mean(thing["J"]["per_frame"]))
    rows = list(csv.DictReader(files[1].read_text().splitlines()))
    assert [(row["video"], row["id"]) for row in rows] == [("", ""), ("cup", "1"), ("cup", "2"), ("dog", "1")]
    assert float(rows[0]["J&F"]) == pytest.approx(content["global"]["J&F"], abs=1e-6)
    page = files[2].read_text()
    assert "http" not in page.replace("http-equiv", "") and page.count("data:image/jpeg") == 6


def test_runs_side_by_side(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    perfect = datasets.folders(tmp_path / "perfect", TRUTH)
    words = ["--annotations", pair[0], "--predictions", pair[1], perfect, "--json", tmp_path / "a.json"]
    assert run("evaluate", "--protocol", "davis2016", *words) == 0
    assert "perfect against near: J&F +0." in capsys.readouterr().out
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["run"] == "near" and content["other_runs"]["perfect"]["global"]["J"] == 1
    gap = content["differences"]["perfect"]
    assert gap["objects_better"] == 2
    assert gap["global"]["J"] == pytest.approx(1 - content["global"]["J"])


def test_problems_are_lines_and_nothing_is_written(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pair[1] / "cup" / "00002.png").unlink()
    (pair[1] / "dog" / "00003.png").write_bytes(b"no image")
    words = ["--annotations", pair[0], "--predictions", pair[1], "--json", tmp_path / "a.json"]
    assert run("evaluate", "--protocol", "davis2017", *words, "--workers", 2) == 1
    out = capsys.readouterr()
    assert "cup: 1 frame without a prediction: 00002" in out.err and "dog/00003.png: not a readable image" in out.err
    assert "2 problems, so nothing was scored" in out.err and "J&F" not in out.out
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--protocol", "davis"], "not a protocol; use one of: davis2016"),
        (["--protocol", "davis2017", "--annotations", "nowhere"], "nowhere: no such folder"),
        (["--protocol", "davis2017", "--predictions", "nowhere"], "nowhere: no such folder"),
        (["--protocol", "davis2017", "--predictions", "empty"], "no folder of predictions for any of the 2 videos"),
        (["--protocol", "davis2017", "--annotations", "empty"], "no masks in it"),
        (["--protocol", "davis2017", "--split", "test"], "no ImageSets/*/test.txt; its splits are val"),
        (["--protocol", "lvos-v2"], "lvos-v2 needs LVOS's metadata; this is laid out as davis"),
        (["--protocol", "davis2017", "--predictions", "."], "; did you mean near?"),
        (["--protocol", "davis2017", "--predictions", "near/cup"], "; give the folder above it"),
    ],
)
def test_bad_words_are_one_line(
    run: Run,
    pair: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    line: str,
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    usual = ["--annotations", str(pair[0]), "--predictions", str(pair[1])]
    given = [w for pairs in zip(usual[::2], usual[1::2], strict=True) if pairs[0] not in words for w in pairs]
    assert run("evaluate", *words, *given) == 1
    assert line in capsys.readouterr().err


def test_many_alike_problems_are_one_line(
    run: Run, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    soft = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) % 200
    for path in (pair[1] / "dog").glob("*.png"):
        Image.new("RGB", (64, 48), "red").save(path)
    datasets.save(pair[1] / "cup" / "00001.png", soft.astype(np.uint8))
    words = ["--annotations", pair[0], "--predictions", pair[1]]
    assert run("evaluate", "--protocol", "davis2017", *words) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "00001.png: 197 ids, which cup lacks (it has 1, 2): 3, 4, 5, 6, 7, ...; soft edges?" in lines[0]
    assert "dog: 6 predictions: an image of mode RGB; masks to be scored" in lines[1] and "00001, 00002" in lines[1]
    assert lines[2] == "longtake: 2 problems, so nothing was scored"


def test_notes_tell_what_looks_wrong(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = {"cup": datasets.clip(6, (1, 2), late={2: 2}), "owl": datasets.clip(6, (1, 2))}
    root = datasets.davis(tmp_path / "data", clips)
    results = datasets.folders(tmp_path / "near", dict.fromkeys(clips, datasets.clip(6, (1,))), first=1)
    assert run("evaluate", "--protocol", "davis2017", "--annotations", root, "--predictions", results) == 0
    shown = capsys.readouterr().out
    assert "note: cup: not counted, for they come after the first mask: 2" in shown
    assert "note: owl: in no prediction: 2" in shown
    assert "note: owl: 1 prediction of frames that there are not: 00006; are they numbered from another start?" in shown


def test_names_are_shown_as_they_are(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = {"[red]x": TRUTH["dog"], "a [b] c": TRUTH["cup"]}
    root, found = datasets.folders(tmp_path / "a[", clips), datasets.folders(tmp_path / "run[v2]", clips)
    words = ["--annotations", root, "--predictions", found, "--html", tmp_path / "a.html"]
    assert run("evaluate", "--protocol", "davis2017", *words) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("[red]x/1", "a [b] c/2", "run[v2]"))


def test_files_that_cannot_be_written_are_told_before_scoring(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--protocol", "davis2017", "--annotations", pair[0], "--predictions", pair[1]]
    for options, line in (
        (["--json", tmp_path], "a folder; name a file"),
        (["--html", tmp_path / "no" / "a.html"], "there is no folder"),
        (["--json", tmp_path / "a", "--html", tmp_path / "a"], "give each a file of its own"),
    ):
        assert run("evaluate", *words, *options) == 1
        out = capsys.readouterr()
        assert line in out.err and "J&F" not in out.out


def test_evaluating_loads_no_torch() -> None:
    code = (
        "import sys, longtake.evaluation.report.page; from longtake.evaluation.evaluate import evaluate; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_benchmark_scores_a_model(
    run: Run, pair: tuple[Path, Path], tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["benchmark", pair[0], "--dataset", "davis2017", "--model", tiny_model, "--out", out]
    assert run(*words, "--attributes", tmp_path / "none.json") == 1 and not out.exists()
    assert run(*words, "--attributes", "computed") == 0
    shown, told = capsys.readouterr()
    assert "none.json: no such file; --attributes takes" in told
    assert "frames per second (reading, writing and the first frame of each video left out" in shown
    assert "peak memory" in shown and "J&F" in shown
    assert len(list((out / "predictions" / "dog").glob("*.png"))) == 8
    content = json.loads((out / "scores.json").read_text())
    assert content["benchmark"]["frames_per_second"] > 0 and content["benchmark"]["frames"] == 14
    again = tmp_path / "again.json"
    words = ["--annotations", pair[0], "--predictions", out / "predictions", "--json", again]
    assert run("evaluate", "--protocol", "davis2017", *words, "--attributes", "computed") == 0
    for part in ("global", "by_attribute", "attributes"):
        assert json.loads(again.read_text())[part] == content[part]
    assert "frames per second" in (out / "report.html").read_text()
    assert json.loads((out / "run.json").read_text())["stopped"] is None
    assert (out / "scores.csv").exists()


@pytest.mark.parametrize(("layout", "dataset"), [("lvos", "lvos"), ("youtube_vos", "youtube-vos")])
def test_benchmark_gives_late_objects_their_first_mask_and_no_more(
    run: Run, tiny_model: Path, tmp_path: Path, layout: str, dataset: str
) -> None:
    clip = {"cup": datasets.clip(6, (1, 4), late={4: 2})}
    root = getattr(datasets, layout)(tmp_path / "data", clip, unseen=["cup"]) if layout == "lvos" else None
    root = root or datasets.youtube_vos(tmp_path / "data", clip)
    words = ["--dataset", dataset, "--model", tiny_model, "--out", tmp_path / "run"]
    assert run("benchmark", root, *words) == 0
    content = json.loads((tmp_path / "run" / "scores.json").read_text())
    frames = {name: thing["frames"] for name, thing in content["objects"].items()}
    assert [len(names) for names in frames.values()] == ([4, 2] if layout == "lvos" else [5, 3])


def test_benchmark_of_first_masks_with_late_objects_scores_nothing(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    frames = datasets.clip(6, (1, 4), late={4: 2})
    root = datasets.lvos(tmp_path / "data", {"cup": frames})
    masks = root / "valid/Annotations/cup"
    for path in masks.glob("*.png"):
        if path.stem not in ("00000001", "00000011"):
            path.unlink()
    datasets.save(masks / "00000011.png", np.where(frames[2] == 4, 4, 0).astype(np.uint8))
    (root / "unseen_videos.txt").unlink()
    words = ["--dataset", "lvos", "--model", tiny_model, "--out", tmp_path / "run"]
    assert run("benchmark", root, *words) == 0
    assert not (tmp_path / "run/scores.json").exists()
    assert 4 in read_labels(tmp_path / "run/predictions/cup/00000011.png")


@pytest.mark.parametrize("oracle", ["box", "mask", "both"])
def test_benchmark_with_an_oracle(run: Run, tiny_model: Path, tmp_path: Path, oracle: str) -> None:
    root = datasets.davis(tmp_path / "data", {"cup": TRUTH["cup"]})
    words = ["--dataset", "davis2017", "--model", tiny_model, "--out", tmp_path / "run", "--oracle", oracle]
    assert run("benchmark", root, *words) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["oracle"] == oracle
    assert f"told the truth, oracle {oracle}: no result" in (tmp_path / "run" / "report.html").read_text()
    for path in (tmp_path / "run" / "predictions").glob("*/*.png") if oracle != "mask" else ():
        found, truth = read_labels(path), TRUTH["cup"][int(path.stem)]
        for name in (1, 2):
            rows, columns = np.nonzero(truth == name)
            inside = np.zeros(truth.shape, bool)
            inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
            assert not (found == name)[~inside].any()


def test_benchmark_of_first_masks_alone_scores_nothing(
    run: Run, pair: tuple[Path, Path], tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (pair[0] / "Annotations/480p").glob("*/*.png"):
        if path.stem != "00000":
            path.unlink()
    out = tmp_path / "run"
    assert run("benchmark", pair[0], "--model", tiny_model, "--out", out) == 0
    assert "first masks alone, so nothing was scored" in capsys.readouterr().out
    assert len(list((out / "predictions").glob("*/*.png"))) == 14 and not (out / "scores.json").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--dataset", "davis"], "davis: use davis2016, davis2017, lvos, mose, youtube-vos, synth, synth-long"),
        (
            ["--dataset", "davis2017"],
            "name the folder of the data set; only synth, synth-long, longtake-synth are rendered",
        ),
        (["--dataset", "synth", "--oracle", "word"], "--oracle word: use box, mask or both"),
    ],
)
def test_benchmark_says_what_is_wrong(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert run("benchmark", *words, "--out", tmp_path / "run") == 1
    assert line in capsys.readouterr().err


def test_what_scoring_needs_is_asked_for_before_segmenting(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "data", {"cup": TRUTH["cup"]})
    (root / "unseen_videos.txt").unlink()
    words = ["--dataset", "lvos", "--model", tiny_model, "--out", tmp_path / "run"]
    assert run("benchmark", root, *words) == 1
    assert not (tmp_path / "run").exists()


def test_a_long_track_keeps_its_dips() -> None:
    values = [1.0] * 900
    values[450] = 0.0
    points = sparkline(values)
    assert len(points) == 180 and max(y for _, y in points) == 30
    assert sparkline([0.5]) == [(0.0, 15.0), (180, 15.0)]


def test_a_narrow_terminal_gets_fewer_figures_and_whole_names(
    run: Run, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longtake.cli.scores.WIDTH", 60)
    assert run("evaluate", "--protocol", "davis2017", "--annotations", pair[0], "--predictions", pair[1]) == 0
    shown = capsys.readouterr().out
    table = shown[: shown.index("all objects")]
    assert "cup/2" in table and "no room for decay" in table and "F_decay" not in table
    assert max(map(len, table.splitlines()[1:])) <= 60
