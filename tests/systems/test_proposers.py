"""Mask R-CNN as a proposer, and the commands that use it; random weights, small images."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models.detection import maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2

from longtake.errors import CheckpointError, SettingError
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.dmn_aoa.presets import DMNAOAPreset
from longtake.systems.proposers import Detector, open_detector, open_proposer
from longtake.systems.zoo import preset
from longtake.types import Frame
from longtake.video.proposals import MOST, FolderOfProposals, read_proposals

TINY = {"base": [8, 8, 16], "features": 16, "projected": 8, "refine_widths": [16, 8, 8], "groups": 4}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("detector") / "maskrcnn.pth"
    torch.save(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2).state_dict(), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path, name = tmp_path / "dmn.safetensors", "dmn-aoa-mobilenet-v2"
    save_checkpoint(path, preset(name, TINY).build().state_dict(), Card(name, TINY))
    return path


@pytest.mark.slow
def test_what_a_detector_finds_is_a_proposal(detector: Path) -> None:
    found = open_detector(detector, torch.device("cpu"), short_side=128)
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    frame = Frame(0, "0", Fraction(0), True, image)
    mirrored = Frame(0, "0", Fraction(0), True, image[:, ::-1][:, ::-1])  # a view that torch would not take
    once, again = found(frame), found(mirrored)
    assert 0 < len(once.masks) <= MOST
    assert once.masks.shape[1:] == (48, 64)
    assert once.masks.any(axis=(1, 2)).all()
    assert np.array_equal(once.masks, again.masks)
    assert (np.diff(once.scores) <= 0).all()


@pytest.mark.slow
def test_the_second_version_is_told_by_its_weights(tmp_path: Path) -> None:
    network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=3)
    torch.save(network.state_dict(), tmp_path / "v2.pth")
    found = open_proposer(tmp_path / "v2.pth", torch.device("cpu"))
    assert isinstance(found, Detector)
    ours, theirs = found.network.network.state_dict(), network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_other_weights_are_refused(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(CheckpointError, match=r"not weights of torchvision's Mask R-CNN"):
        open_detector(tiny_model, torch.device("cpu"))
    weights = {"roi_heads.box_predictor.cls_score.weight": torch.zeros(2, 1024), "other": torch.zeros(1)}
    torch.save(weights, tmp_path / "part.pth")
    with pytest.raises(CheckpointError, match=r"part\.pth: \d+ tensors do not fit Mask R-CNN"):
        open_detector(tmp_path / "part.pth", torch.device("cpu"))
    with pytest.raises(SettingError, match="no such folder of proposals"):
        open_proposer(tmp_path / "none", torch.device("cpu"))
    assert isinstance(open_proposer(tmp_path, torch.device("cpu")), FolderOfProposals)


@pytest.mark.slow
def test_propose_then_segment(
    run: Callable[..., int],
    folder_clip: tuple[Path, Path],
    detector: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames, masks = folder_clip
    assert run("propose", frames, "--detector", detector, "--out", tmp_path / "found", "--size", 64) == 0
    assert "proposals of 6 frames" in capsys.readouterr().out
    files = sorted((tmp_path / "found").iterdir())
    assert [file.name for file in files] == [f"{i}.json" for i in range(6)]
    assert read_proposals(files[0]).masks.shape[1:] == (64, 96)
    # a second call passes over what is there
    files[1].write_text('{"size": [64, 96], "proposals": []}')
    files[2].unlink()
    assert run("propose", frames, "--detector", detector, "--out", tmp_path / "found", "--size", 64) == 0
    assert read_proposals(files[1]).masks.shape[0] == 0
    assert files[2].exists()
    words = ["segment", frames, "--masks", masks / "0.png", "--model", model]
    assert run(*words, "--out", tmp_path / "a", "--proposals", tmp_path / "found", "--explain", "#2") == 0
    assert len(list((tmp_path / "a/labels").iterdir())) == 6
    assert json.loads((tmp_path / "a/run.json").read_text())["proposals"] == str(tmp_path / "found")
    files[4].unlink()
    assert run(*words, "--out", tmp_path / "b", "--proposals", tmp_path / "found") == 1
    assert "4.json: no such file; every frame needs one" in capsys.readouterr().err
    assert len(list((tmp_path / "b/labels").iterdir())) == 4


def test_a_tree_of_folders_is_mirrored(
    detector: Path, tmp_path: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("480p/a/00000.png", "480p/b/00000.png", "480p/b/00001.jpg", ".hidden/c/00000.png"):
        (tmp_path / "images" / place).parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[274] = 6
        turned = {"exif": exif} if place.endswith("jpg") else {}  # photographs are of all sizes, and turned
        Image.new("RGB", (24, 40) if turned else (32, 24)).save(tmp_path / "images" / place, **turned)
    nothing = Detector.__call__

    def empty(self: Detector, frame: Frame) -> object:
        found = nothing(self, frame)
        return type(found)(found.masks[:0], found.scores[:0])

    monkeypatch.setattr(Detector, "__call__", empty)
    words = ["propose", tmp_path / "images", "--detector", detector, "--out", tmp_path / "found", "--size", 32]
    assert run(*words) == 0
    found = sorted(str(path.relative_to(tmp_path / "found")) for path in (tmp_path / "found").rglob("*.json"))
    assert found == ["480p/a/00000.json", "480p/b/00000.json", "480p/b/00001.json"]
    assert json.loads((tmp_path / "found/480p/b/00001.json").read_text())["orientation"] == 6
    assert read_proposals(tmp_path / "found/480p/b/00001.json").masks.shape[1:] == (24, 40)
    Image.new("RGB", (32, 24)).save(tmp_path / "images/480p/a/00000.jpg")
    assert run(*words) == 1
    (tmp_path / "bare").mkdir()
    assert run("propose", tmp_path / "bare", "--detector", detector, "--out", tmp_path / "x") == 1


def test_systems_that_take_no_proposals_refuse_them(
    run: Callable[..., int],
    folder_clip: tuple[Path, Path],
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames, masks = folder_clip
    words = ["--masks", masks / "0.png", "--out", tmp_path / "a", "--model", tiny_model, "--proposals", tmp_path]
    assert run("segment", frames, *words) == 1
    assert "CompactSTM takes no proposals" in capsys.readouterr().err


def test_the_tiny_options_are_those_of_the_tiny_preset() -> None:
    made = preset("dmn-aoa-mobilenet-v2", TINY)
    assert isinstance(made, DMNAOAPreset)
    assert made == preset("dmn-aoa-mobilenet-v2").tiny()
