import sys
from pathlib import Path

import pytest
import torch

from longtake.errors import CheckpointError, SettingError
from longtake.systems.checkpoint import Card, load_checkpoint, read_card, save_checkpoint
from longtake.systems.models import find, load
from longtake.systems.protocol import Preset
from longtake.systems.zoo import ZOO, names, package_of, preset, shadowed
from offered import install_example, offer

NAME = "label-propagation"
PACKAGE = "longtake-label-propagation"

MODULES = {
    "falls": "raise RuntimeError('no\\nway')",
    "nothing": "",
    "number": "PRESET = 3",
    "abstract": """
from dataclasses import dataclass
from longtake.systems.protocol import Preset, VOSSystem

class Half(VOSSystem):
    pass

@dataclass(frozen=True, kw_only=True)
class HalfPreset(Preset):
    def build(self): return Half()
    def tiny(self): return self
    def teaching(self): return None

PRESET = HalfPreset()
""",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which Python looks for packages."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    for name in ("label_propagation", *MODULES):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def test_an_installed_system_is_one_of_the_presets(folder: Path) -> None:
    assert names() == tuple(ZOO)
    install_example(folder)
    assert names() == (*ZOO, NAME)
    assert "label_propagation" not in sys.modules
    assert package_of(NAME) == PACKAGE
    assert isinstance(preset(NAME, {"key": 8}), Preset)
    assert preset(NAME, {"key": 8}).build().key.out_channels == 8
    with pytest.raises(SettingError, match="label-propagation has no keys; it has: backbone, key"):
        preset(NAME, {"keys": 8})
    with pytest.raises(SettingError, match=f"no preset nothing; there are: .*{NAME}"):
        preset("nothing")
    with pytest.raises(SettingError, match=f"{NAME}: a preset without bundled weights"):
        find(NAME)


@pytest.fixture
def saved(folder: Path, tmp_path: Path) -> Path:
    install_example(folder)
    torch.manual_seed(0)
    small, path = {"key": 8, "width": 8}, tmp_path / "sixth.safetensors"
    save_checkpoint(path, preset(NAME, small).build().state_dict(), Card(NAME, small))
    return path


def test_a_checkpoint_names_its_package_and_loads_again(saved: Path) -> None:
    assert (read_card(saved).preset, read_card(saved).package) == (NAME, PACKAGE)
    system, _ = load(str(saved), settings={"memory_maximum": 2})
    assert system.policy.maximum == 2
    assert load(NAME, saved)[1].package == PACKAGE


def test_a_checkpoint_of_a_package_that_is_missing_tells_it(
    saved: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder.parent / "elsewhere"))
    sys.path.remove(str(folder))
    line = f"sixth.safetensors: its preset {NAME} comes with the package {PACKAGE}, which is not installed here"
    with pytest.raises(CheckpointError, match=line):
        load_checkpoint(saved)


def test_longtakes_own_presets_come_with_no_package(tmp_path: Path, tiny_model: Path) -> None:
    assert read_card(tiny_model).package == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("falls:PRESET", r"RuntimeError: no way"),
        ("nothing:PRESET", "AttributeError: "),
        ("absent_module:PRESET", "ModuleNotFoundError: "),
        ("number:PRESET", "number:PRESET is no Preset"),
        ("abstract:PRESET", "abstract method"),
        ("abstract:HalfPreset", "abstract:HalfPreset is no Preset"),
    ],
)
def test_a_broken_package_is_named_when_it_is_asked_for_and_harms_no_other(folder: Path, value: str, said: str) -> None:
    install_example(folder)
    offer(folder, "broken-thing", {"broken": value})
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    assert names() == (*ZOO, "broken", NAME)
    with pytest.raises(SettingError, match=f"^preset broken: the package broken-thing that offers it .*{said}") as told:
        preset("broken")
    assert "\n" not in str(told.value)
    assert preset(NAME)
    assert preset("stm-mobilenet-v2")


def test_two_of_one_name_are_refused(folder: Path) -> None:
    install_example(folder)
    offer(folder, "another", {NAME: "label_propagation:PRESET", "stm-resnet50": "label_propagation:PRESET"})
    with pytest.raises(SettingError, match="offer it, each its own; uninstall all but one") as told:
        preset(NAME)
    assert "another" in str(told.value)
    assert PACKAGE in str(told.value)
    assert shadowed() == ("stm-resnet50",)
    assert preset("stm-resnet50") == ZOO["stm-resnet50"]
