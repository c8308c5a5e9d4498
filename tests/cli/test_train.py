"""`longtake train` as people run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from longtake.systems.checkpoint import load_checkpoint

Run = Callable[..., int]

TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of seconds that needs no data."""
    values = {
        "model": "stm-mobilenet-v2",
        "options": TINY,
        "precision": "float32",
        "workers": 0,
        "teaching": {"frozen": []},
        "stages": [
            {
                "name": "main",
                "steps": 3,
                "batch": 2,
                "rate": 0.0004,
                "shapes": [{"side": 64}],
                "sources": {"procedural": 1},
            }
        ],
    }
    path = tmp_path / "small.yaml"
    path.write_text("# Small, for tests.\n" + yaml.safe_dump(values))
    return path


def test_a_recipe_is_trained_and_its_model_loads(
    run: Run, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", recipe, "--out", tmp_path / "run", "--set", "stages.0.steps=2") == 0
    assert capsys.readouterr().out == f"2 steps: {tmp_path / 'run' / 'model.safetensors'}\n"
    assert load_checkpoint(tmp_path / "run" / "model.safetensors")[1].training == "2 steps"


def test_the_list_says_what_recipes_are(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--list") == 0
    out = capsys.readouterr().out
    assert "  stm-mobilenet-v2-procedural\n      The compact STM on clips that are rendered from nothing" in out
    heads = ("as published:\n  ddmemory-paper", "for small machines:\n  ddmemory-compact", "others:\n  finetune")
    assert 0 <= out.index(heads[0]) < out.index(heads[1]) < out.index(heads[2])


def test_ctrl_c_saves_and_says_how_to_go_on(
    run: Run, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from longtake.training.loop import Trainer

    step = Trainer._step

    def stopped(self: Trainer, *words: object) -> str:
        note = step(self, *words)  # type: ignore[arg-type]
        if self.done == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return note

    monkeypatch.setattr(Trainer, "_step", stopped)
    assert run("train", recipe, "--out", tmp_path / "run") == 130
    told = capsys.readouterr().err
    assert f"stopped after step 1; go on with: longtake train --resume {tmp_path / 'run'}" in told
    assert "interrupted" not in told
    assert run("train", "--resume", tmp_path / "run") == 0
    assert capsys.readouterr().out.startswith("3 steps")


def test_resume_takes_no_other_settings(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--resume", tmp_path, "--set", "seed=3") == 1
    assert "give it alone" in capsys.readouterr().err


@pytest.mark.slow
def test_torchrun_shares_the_batch_out(recipe: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "longtake", "train", str(recipe), "--out", str(tmp_path / "two")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 steps") == 1
    assert '"processes": 2' in (tmp_path / "two" / "run.json").read_text()
    rows = (tmp_path / "two" / "losses.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "1", "2", "3"]
