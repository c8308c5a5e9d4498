"""`doctor`: every problem at once, and none where there is none."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from longtake.doctor import installation
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.video.palette import write_labels
from zoo import cut, noisy, picture, turn, write_clip

Run = Callable[..., int]


def told(run: Run, capfd: pytest.CaptureFixture[str], *words: object, status: int) -> str:
    capfd.readouterr()
    assert run("doctor", *words) == status
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out.endswith("no problems\n") is (status == 0)
    return captured.out


def test_the_installation(run: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "SIZE", (48, 64))
    text = told(run, capfd, status=0)
    words = ("opencv-python-headless", "torchvision", "device", "model stm-mobilenet-v2", "s per frame", "extra [web]")
    assert all(word in text for word in words)
    assert "extra [dev]" not in text


def test_requirements_by_extra() -> None:
    lines = ["torch>=2.8", "opencv-python-headless>=4", "ray[default]>=2.40; extra == 'batch'", "ruff; extra == 'dev'"]
    assert installation.requirements(lines) == (["torch", "opencv-python-headless"], {"batch": ["ray"]})


def test_an_installation_that_is_broken(
    run: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nand more")

    lines = ["torchvision>=0.23", "pillow", "no-such-package>=1", "nothing-like-it; extra == 'web'"]
    monkeypatch.setattr(installation.metadata, "requires", lambda name: lines)
    monkeypatch.setattr(installation.importlib, "import_module", broken)
    text = told(run, capfd, status=1)
    assert "does not work: operator torchvision::nms does not exist; install it anew" in text
    assert "PROBLEM: no-such-package is missing" in text
    assert "without nothing-like-it; get it with: pip install 'longtake[web]'" in text
    assert "model" not in text.replace("longtake", "")


def test_a_folder_of_code_is_no_installation(
    run: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise installation.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installation.metadata, "requires", missing)
    assert "PROBLEM: longtake is not installed" in told(run, capfd, status=1)


def test_a_good_video(tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    clip = turn(write_clip(tmp_path / "c.mp4", [90_000, 91_000, 99_000], sound="aac"), 90)
    text = " ".join(told(run, capfd, clip, status=0).split())
    assert "frames 3" in text
    assert "sound aac" in text
    assert "variable, 11.250 to 90.000 frames per second" in text
    assert "turned clockwise by 90 degrees: 48x64 pixels as seen" in text
    assert "first frame is at 1.000 s" in text


def test_a_damaged_video(tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "c.mp4"
    write_clip(clip, range(0, 150_000, 3750), images=noisy(40), size=(96, 128), container={"movflags": "faststart"})
    assert "damaged after frame 0000" in told(run, capfd, cut(clip), status=1)
    clip = write_clip(
        tmp_path / "c.mkv", range(0, 1600, 40), images=noisy(40), size=(96, 128), time_base=Fraction(1, 1000)
    )
    assert "is it cut off?" in told(run, capfd, cut(clip), status=1)
    clip = write_clip(tmp_path / "d.mp4", range(0, 90_000, 3750))
    assert "not a readable video" in told(run, capfd, cut(clip), status=1)


def test_every_problem_of_a_mask_folder_at_once(tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros((48, 64), np.uint16)
    labels[4:20, 4:20] = 1
    write_labels(tmp_path / "0.png", labels)
    write_labels(tmp_path / "2.png", labels + np.roll(labels, 30, axis=1) * 6)
    write_labels(tmp_path / "3.png", labels * 0)
    write_labels(tmp_path / "4.png", labels[:40])
    (tmp_path / "5.png").write_bytes(b"nothing")
    soft = Image.fromarray((labels * 255).astype(np.uint8)).resize((32, 24), Image.Resampling.BICUBIC).resize((64, 48))
    soft.save(tmp_path / "6.png")
    Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "0.tif")
    text = told(run, capfd, tmp_path, status=1)
    for words in (
        "several images are named 0",
        "4.png: 64x40 pixels, unlike most",
        "5.png: not a readable image",
        "stray values, as of soft edges",
        "object 6 comes first in 2.png",
        "1 masks without an object (first: 3.png)",
        "numbers left out: 1",
        "mixed endings: .png, .tif",
        "1 (in 4), 6 (in 1)",
        "4 problems",
    ):
        assert words in text, words


def test_colours_of_masks_and_a_folder_of_frames(tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    red = tmp_path / "red.png"
    Image.fromarray(np.where(picture(0) == 255, (250, 0, 0), 0).astype(np.uint8)).save(red)
    assert "colours taken for objects: #fa0000 is 1" in told(run, capfd, red, status=0)
    frames = tmp_path / "frames"
    frames.mkdir()
    for index, image in enumerate(noisy(3)):
        Image.fromarray(image).save(frames / f"{index}.png")
    assert "3 frames" in told(run, capfd, frames, status=0)
    (frames / "1.png").write_bytes((frames / "1.png").read_bytes()[:300])
    assert "1.png: not a readable image" in told(run, capfd, frames, status=1)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no images in this folder" in told(run, capfd, empty, status=1)


def test_checkpoints(tiny_model: Path, tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert "preset   stm-mobilenet-v2" in told(run, capfd, tiny_model, status=0)
    from safetensors.torch import load_file

    weights = load_file(tiny_model)
    weights["key.bias"][0] = torch.nan
    del weights["value.bias"]
    weights["surplus"] = torch.zeros(1)
    save_checkpoint(tmp_path / "bad.safetensors", weights, Card("stm-mobilenet-v2"))
    text = told(run, capfd, tmp_path / "bad.safetensors", status=1)
    for words in ("key.bias holds numbers that are not finite", "lacks value.bias", "has unknown surplus", "not ("):
        assert words in text
    save_checkpoint(tmp_path / "theirs.safetensors", weights, Card("sixth", package="their-package"))
    assert "pip install their-package" in told(run, capfd, tmp_path / "theirs.safetensors", status=1)
    (tmp_path / "cut.safetensors").write_bytes(tiny_model.read_bytes()[:999])
    assert "is it cut off?" in told(run, capfd, tmp_path / "cut.safetensors", status=1)
    (tmp_path / "x.pth").write_bytes(b"")
    assert "models convert" in told(run, capfd, tmp_path / "x.pth", status=1)


def test_nothing_there_is_one_line(tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("doctor", tmp_path / "none") == 1
    assert capfd.readouterr().err.startswith(f"longtake: {tmp_path / 'none'}: no such file")


def test_a_busy_machine_is_told_by_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.os, "cpu_count", lambda: 4)
    for load, busy in ((3.9, False), (4.1, True)):
        monkeypatch.setattr(installation.os, "getloadavg", lambda load=load: (load, 0.0, 0.0), raising=False)
        assert installation.is_busy() is busy
    monkeypatch.delattr(installation.os, "getloadavg")
    assert not installation.is_busy()
