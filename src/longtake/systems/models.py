"""Models by name or by path: bundled ones, checkpoints, and presets with weights of their own."""

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtake.errors import SettingError
from longtake.systems.checkpoint import Card, fill, load_checkpoint, read_card, read_weights
from longtake.systems.protocol import AnySystem
from longtake.systems.trained import check_trained, check_weights
from longtake.systems.zoo import names, preset

DEFAULT = "default"
BUNDLED_DEFAULT = "stm-mobilenet-v2"


def bundled() -> dict[str, Path]:
    """Names and files of the checkpoints that come with longtake."""
    folder = Path(str(importlib.resources.files("longtake"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"), key=lambda path: path.stem)}


def find(name: str) -> Path:
    """The file of a bundled model or a checkpoint. Raises SettingError listing what there is.

    Raises CheckpointError where training has not come to it.
    """
    files = bundled()
    name = BUNDLED_DEFAULT if name == DEFAULT else name
    if name in files:
        return files[name]
    if Path(name).is_file():
        return Path(name)
    check_trained(Path(name))
    presets = names()
    if name in presets:
        raise SettingError(f"--model {name}: a preset without bundled weights; add --weights FILE")
    known = ", ".join([*files, *(preset for preset in presets if preset not in files)])
    raise SettingError(f"--model {name}: no such model or file; there are: {known}, or give a .safetensors file")


def load(
    name: str = DEFAULT,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    surplus: bool = False,
) -> tuple[AnySystem, Card]:
    """A trained system in evaluation mode, and its card. settings: switches of its preset.

    weights: a checkpoint whose tensors fill the preset `name`. surplus: whether a model's file may hold weights of
    parts that the settings switch off. Raises SettingError or CheckpointError.
    """
    if weights is None:
        return load_checkpoint(find(name), settings, surplus=surplus)
    check_weights(weights)
    card = read_card(weights)
    if name != DEFAULT and name != card.preset:
        system = preset(name, dict(settings or {})).build()
        fill(system, read_weights(weights), str(weights))
        return system.eval(), card
    return load_checkpoint(weights, settings)
