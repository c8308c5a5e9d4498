"""`longtake describe`, and scores per attribute, from words to files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import datasets

Run = Callable[..., int]


@pytest.fixture
def lvos(folder_clip: tuple[Path, Path], tmp_path: Path, run: Run) -> Path:
    """A rendered video in the layout of LVOS, with a category and a caption for each object."""
    frames, masks = folder_clip
    out = tmp_path / "LVOS"
    words = ["export", masks, "--to", "lvos-dataset", "--frames", frames, "--out", out, "--split", "valid"]
    assert run(*words) == 0
    meta = out / "valid/valid_expression_meta.json"
    content = json.loads(meta.read_text())
    for video in content["videos"].values():
        for i, thing in video["objects"].items():
            thing["caption"] = f"number {i}"
    meta.write_text(json.dumps(content))
    return out


def test_describe_shows_and_writes(lvos: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    davis = datasets.davis(tmp_path / "DAVIS", {"cup": datasets.clip(12)})
    capsys.readouterr()
    files = ["--json", tmp_path / "a.json", "--html", tmp_path / "a.html"]
    assert run("describe", lvos, "--against", davis, *files) == 0
    shown = capsys.readouterr().out
    content = json.loads((tmp_path / "a.json").read_text())
    row = content["statistics"]
    assert row["videos"] == 1 and row["frames"]["total"] == 6 and row["frames_per_second"] == 6
    assert row["captions"] == row["objects"] and content["against"]["statistics"]["frames"]["total"] == 12
    assert "LVOS" in shown and "24 per second" in shown and f"{row['annotations']:,}" in shown
    assert "told from masks, which tell of FM, LR, OV, SV, LRA alone" in shown
    assert "LVOS beside DAVIS" in (tmp_path / "a.html").read_text()


def test_describe_says_what_is_wrong(lvos: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", lvos, "--html", tmp_path / "none/a.html") == 1
    assert "there is no folder" in capsys.readouterr().err
    broken = sorted(lvos.rglob("Annotations/*/*.png"))[1]
    broken.write_bytes(b"")
    assert run("describe", lvos, "--json", tmp_path / "a.json") == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and str(broken) in told[0] and "so nothing was described" in told[1]
    assert not (tmp_path / "a.json").exists()


def test_evaluate_scores_each_attribute(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    there, gone = datasets.disc(24, 32), datasets.disc(24, 32, 0)
    clips = {"cup": [there, there, gone, there], "dog": datasets.clip(4, (1, 2))}
    data = datasets.lvos(tmp_path / "data", clips)
    near = datasets.folders(
        tmp_path / "near", {k: datasets.shifted(own) for k, own in clips.items()}, step=5, first=1, digits=8
    )
    files = ["--json", tmp_path / "a.json", "--csv", tmp_path / "a.csv", "--html", tmp_path / "a.html"]
    words = ["evaluate", "--protocol", "lvos-plain", "--annotations", data, "--predictions", near, *files]
    assert run(*words) == 0
    assert (
        "attributes" not in json.loads((tmp_path / "a.json").read_text()) and "attribute" not in capsys.readouterr().out
    )
    assert run(*words, "--attributes", "computed") == 0
    content = json.loads((tmp_path / "a.json").read_text())
    assert "OV" in content["attributes"]["cup"] and "OV" not in content["attributes"]["dog"]
    assert content["attributes_from"] == {"cup": "masks", "dog": "masks"}
    part = content["by_attribute"]["OV"]
    assert set(part) == {"videos", "objects", "J&F", "J", "F", "V"} and (part["videos"], part["objects"]) == (1, 1)
    assert part["J"] == pytest.approx(content["objects"]["cup/1"]["J"]["mean"])
    assert f"{part['J&F']:.3f}" in capsys.readouterr().out and "By attribute" in (tmp_path / "a.html").read_text()
    rows = {row["video"]: row for row in csv.DictReader((tmp_path / "a.csv").read_text().splitlines())}
    assert rows["cup"]["attributes"].split() == content["attributes"]["cup"] and rows[""]["attributes"] == ""
    (tmp_path / "own.json").write_text(json.dumps({"dog": ["BC"]}))
    assert run(*words, "--attributes", tmp_path / "own.json") == 0
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["attributes"] == {"dog": ["BC"]} and content["attributes_from"] == {"dog": "people"}
    things = [content["objects"][f"dog/{i}"]["J"]["mean"] for i in (1, 2)]
    assert content["by_attribute"]["BC"]["J"] == pytest.approx(np.mean(things))
