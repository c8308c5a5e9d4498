"""`longtake synth`, and longtake-synth in `longtake benchmark`, on short and small versions of its videos."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from jaxtyping import config

from longtake.data.layouts import open_dataset
from longtake.data.longsynth import write_longsynth

Run = Callable[..., int]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    made = partial(write_longsynth, frames=60, size=(64, 112))
    monkeypatch.setattr("longtake.evaluation.benchmark.write_longsynth", made)
    monkeypatch.setattr("longtake.data.longsynth.write_longsynth", lambda out, seed, frames, report: made(out, seed))


def test_videos_are_written(tmp_path: Path, run: Run, short: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("synth", tmp_path / "long", "--seed", 5) == 0
    assert "3 videos of" in capsys.readouterr().out
    assert [video.name for video in open_dataset(tmp_path / "long").videos] == ["meadow-5", "street-5", "sea-5"]
    assert run("synth", tmp_path / "long") == 1
    assert "is there already; remove it, or choose another folder" in capsys.readouterr().err
    assert not (tmp_path / ".long.partial").exists()


def test_a_model_is_scored_by_the_protocol_of_lvos(
    tmp_path: Path, run: Run, short: None, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # to check types takes longer than all else
    out = tmp_path / "run"
    videos = tmp_path / "two.txt"
    videos.write_text("meadow-5\nsea-5\n")
    words = ["--dataset", "longtake-synth", "--seed", 5, "--model", tiny_model, "--out", out, "--precision", "float32"]
    assert run("benchmark", *words, "--split", videos) == 0
    found = json.loads((out / "scores.json").read_text())
    assert found["protocol"]["name"] == "lvos-v2"
    assert set(found["objects"]) == {f"{scene}-5/{name}" for scene in ("meadow", "sea") for name in (1, 2, 3)}
    assert {"V", "J_seen", "J_unseen"} <= set(found["global"])


def test_videos_that_are_there_are_not_made_again(tmp_path: Path, run: Run, tiny_model: Path) -> None:
    clips = tmp_path / "run/clips/longtake-synth-1"
    clips.mkdir(parents=True)
    assert run("benchmark", "--dataset", "longtake-synth", "--model", tiny_model, "--out", tmp_path / "run") == 1
    assert not any(clips.iterdir())
