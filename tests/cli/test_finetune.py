"""`doctor` and `train finetune` on data of one's own, as people type them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import clip
from longtake.export.convert import export, open_masks
from longtake.systems.checkpoint import read_card
from longtake.video.palette import write_labels

Run = Callable[..., int]

SMALL = ("--set", "stages.0.steps=2", "--set", "stages.0.shapes=[{frames: 3, side: 32}]", "--set", "workers=0")
SMALL += ("--set", "precision=float32", "--set", "stages.0.sources={video: 1}")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Frames with masks of every other one."""
    root = tmp_path / "mine"
    for folder in ("frames/cup", "masks/cup"):
        (root / folder).mkdir(parents=True)
    for number, ids in enumerate(clip(7, (1, 2))):
        Image.new("RGB", (64, 48), (30 * number, 90, 120)).save(root / f"frames/cup/{number:06d}.png")
        if number % 2 == 0:
            write_labels(root / f"masks/cup/{number:06d}.png", ids.astype(np.uint16))
    return root


def test_from_data_to_a_model_that_segments(
    mine: Path, tmp_path: Path, tiny_model: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("doctor", mine) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "videos with masks videos 1 frames 7 masks 4 objects 2 sizes 64x48" in told
    out = tmp_path / "run"
    words = ("--set", f"start={tiny_model}", "--set", "data.mine=CC BY 4.0")
    assert run("train", "finetune", "--data", mine, "--out", out, *SMALL, *words) == 0
    assert read_card(out / "model.safetensors").data["mine"] == "CC BY 4.0"
    first = mine / "masks/cup/000000.png"
    words = ("--weights", out / "model.safetensors", "--out", tmp_path / "result")
    assert run("segment", mine / "frames/cup", "--masks", first, *words) == 0
    assert len(list((tmp_path / "result/labels").iterdir())) == 7


def test_every_problem_is_written_before_the_last_line(
    mine: Path, tmp_path: Path, tiny_model: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine / "masks/cup/000009.png").write_bytes((mine / "masks/cup/000000.png").read_bytes())
    (mine / "frames/cup/000002.png").write_bytes(b"broken")
    assert run("doctor", mine) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if "PROBLEM" in line]
    assert len(problems) == 2
    words = ("--set", f"start={tiny_model}")
    assert run("train", "finetune", "--data", mine, "--out", tmp_path / "run", *SMALL, *words) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("longtake: ")]
    assert len(lines) == 3 and lines[-1] == "longtake: 2 problems, so nothing was trained"
    assert f"longtake: {mine}: cup: 1 mask without a frame in cup: 000009" in lines


@pytest.mark.parametrize(("kind", "name"), [("coco", "coco.json"), ("ytvis", "ytvis.json"), ("cvat", "cvat.xml")])
def test_doctor_on_exports(
    kind: str, name: str, mine: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "export"
    root.mkdir()
    export(open_masks(mine / "masks/cup"), kind, root / name)
    assert run("doctor", root / name) == 1
    assert "but no video or folder of frames of that name beside them" in capsys.readouterr().out
    (mine / "frames").rename(root / "frames")
    assert run("doctor", root / name) == 0
    assert "masks    4" in capsys.readouterr().out
    assert run("doctor", root) == 0
    for path in (root / "frames/cup").iterdir():
        Image.new("RGB", (32, 24)).save(path)
    capsys.readouterr()
    assert run("doctor", root) == 1
    assert "4 masks of 64x48 pixels for a frame of 32x24" in capsys.readouterr().out


def test_doctor_on_a_damaged_export(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "coco.json").write_text('{"annotations": [')
    assert run("doctor", tmp_path / "coco.json") == 1
    assert "PROBLEM: " in (told := capsys.readouterr().out) and "not readable as JSON" in told
