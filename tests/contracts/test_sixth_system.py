"""The worked example, installed in a folder of its own: the contract, and longtake's commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import longtake
from longtake.systems.checkpoint import read_card
from offered import EXAMPLE, install_example

SMALL = ("options={key: 8, width: 8}", "stages.0.steps=2", "stages.0.batch=2", "workers=0")


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """An environment in which the example is installed."""
    folder = install_example(tmp_path / "packages")
    home = Path(longtake.__file__).parent.parent
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{home}", "COLUMNS": "120"}


def called(environment: dict[str, str], *words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_example_keeps_the_contract(outside: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    words = ("-c", tmp_path / "pytest.ini", "-p", "no:cacheprovider", "-q", EXAMPLE / "tests")
    assert " passed" in called(outside, "pytest", *words)


@pytest.mark.slow
def test_the_example_is_trained_and_run_by_the_same_commands(
    outside: dict[str, str], tmp_path: Path, folder_clip: tuple[Path, Path]
) -> None:
    frames, masks = folder_clip
    settings = [word for setting in SMALL for word in ("--set", setting)]
    called(outside, "longtake", "train", EXAMPLE / "recipe.yaml", "--out", tmp_path / "run", *settings)
    model = tmp_path / "run" / "model.safetensors"
    assert read_card(model).package == "longtake-label-propagation"
    words = ("--masks", masks / "0.png", "--model", model, "--out", tmp_path / "result")
    called(outside, "longtake", "segment", frames, *words)
    assert len(list((tmp_path / "result" / "labels").iterdir())) == 6
    listed = called(outside, "longtake", "models", "list", "--in", tmp_path / "run")
    assert str(model) in listed
    assert "preset label-propagation, 2.8 M parameters" in listed
