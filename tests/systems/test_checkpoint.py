from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from longtake.errors import CheckpointError, SettingError
from longtake.systems.checkpoint import Card, load_checkpoint, read_card, save_checkpoint
from longtake.systems.models import bundled, find, load
from longtake.systems.zoo import ZOO, preset

TINY = {"context": 16, "key": 8, "value": 16, "mask_width": 4, "decoder": [16, 8, 8]}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "m.safetensors"
    card = Card("stm-mobilenet-v2", TINY, licence="made here", data={"toy": "CC0"}, figures={"J": 0.5})
    save_checkpoint(path, preset("stm-mobilenet-v2", TINY).build().state_dict(), card, half=True)
    return path


def test_a_path_is_enough_to_load(saved: Path) -> None:
    system, card = load_checkpoint(saved)
    assert not system.training
    assert next(system.parameters()).dtype == torch.float32
    assert (card.data, card.figures) == ({"toy": "CC0"}, {"J": 0.5})
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_switches_of_the_preset_can_be_set(saved: Path) -> None:
    system, _ = load(str(saved), settings={"memory_interval": 3, "top": 8})
    assert system.top == 8
    assert system.policy.interval == 3


def test_a_preset_takes_weights_of_its_shape_only(saved: Path) -> None:
    assert load("stm-mobilenet-v2", saved)[1].licence == "made here"
    with pytest.raises(CheckpointError, match="tensors do not fit"):
        load("stm-resnet50", saved)


@pytest.mark.parametrize("length", [0, 4, 1000, -1])
def test_a_truncated_file_is_named(saved: Path, length: int) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"m\.safetensors: not a readable safetensors file"):
        load(str(saved))


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "f.safetensors")
    with pytest.raises(CheckpointError, match="not a longtake checkpoint"):
        read_card(tmp_path / "f.safetensors")


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="stm-resnet50"):
        preset("stm")
    with pytest.raises(SettingError, match="it has: "):
        preset("stm-resnet50", {"keys": 3})
    with pytest.raises(SettingError, match="stm-mobilenet-v2"):
        find("nothing")


def test_the_published_sizes() -> None:
    """None of them is made for it: counting takes no memory."""
    millions = {name: preset.size() / 1e6 for name, preset in ZOO.items()}
    made = ZOO["stm-mobilenet-v2"].build()
    assert millions["stm-mobilenet-v2"] == sum(parameter.numel() for parameter in made.parameters()) / 1e6
    assert millions["stm-resnet50"] == pytest.approx(38.93, abs=0.01)
    assert millions["stm-mobilenet-v2"] <= 6


def test_the_bundled_model_says_what_it_was_trained_on() -> None:
    assert bundled()
    for path in bundled().values():
        card = read_card(path)
        assert path.stat().st_size < 12e6
        assert card.licence != "not stated"
        assert card.data
        assert {"J", "F"} <= card.figures.keys()


def test_a_run_that_was_stopped_has_no_model_yet(tmp_path: Path) -> None:
    run = tmp_path / "mine"
    run.mkdir()
    (run / "checkpoint.pt").write_bytes(b"PK")
    for path in (run / "checkpoint.pt", run / "model.safetensors"):
        for opened in (lambda path: load(weights=path), lambda path: load(str(path)), read_card):
            with pytest.raises(CheckpointError, match=r"finish the run with: longtake train --resume .*/mine"):
                opened(path)
