"""Checkpoints: a safetensors file that carries its preset and its card, so that its path is enough to load it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from longtake.errors import CheckpointError, OutputError
from longtake.systems.protocol import AnySystem, Preset
from longtake.systems.trained import check_trained
from longtake.systems.zoo import names, package_of, preset

KEY = "longtake"

NETWORK = "network"
"""In the metadata of a file that holds a part of a system, as a flow network: which."""


@dataclass(frozen=True)
class Card:
    """What a user must know of a checkpoint: its preset, the data it saw with their licences, its figures."""

    preset: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    licence: str = "not stated"
    data: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Data set -> licence."""
    training: str = ""
    figures: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    note: str = ""
    package: str = ""
    """The package that the preset comes with, where that is not longtake."""


NOT_STATED = "licence not stated by its owner"
"""Of data that somebody brought."""


def following(start: Card, card: Card) -> Card:
    """The card of a model that goes on from another one: its data beside those of the start, whose licence binds."""
    before = f"; before that: {start.training}" if start.training else ""
    return dataclasses.replace(
        card,
        licence=start.licence,
        data={**start.data, **card.data},
        training=f"{card.training} from {start.preset}{before}",
        note=" ".join(filter(None, (card.note, start.note))),
    )


def save_checkpoint(path: Path, weights: Mapping[str, Tensor], card: Card, half: bool = False) -> None:
    """Write weights and card, whole or not at all; half stores floats as float16. Raises OutputError.

    The card names the package that its preset comes with.
    """
    card = dataclasses.replace(card, package=package_of(card.preset) or card.package)
    stored = {
        name: (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in weights.items()
        if not name.endswith("num_batches_tracked")
    }
    write_tensors(path, stored, {KEY: json.dumps(dataclasses.asdict(card))})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all. Raises OutputError."""
    if path.is_dir():
        raise OutputError(f"{path}: a folder; name a .safetensors file")
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(save(dict(tensors), metadata=dict(metadata)))
    partial.replace(path)


def read_metadata(path: Path) -> dict[str, str]:
    """The words in a safetensors file. Raises CheckpointError where the file is damaged."""
    check_trained(path)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error}); is it cut off?") from error


def read_card(path: Path) -> Card:
    """The card of a checkpoint. Raises CheckpointError where the file is damaged or not one of longtake's."""
    metadata = read_metadata(path)
    if NETWORK in metadata:
        raise CheckpointError(f"{path}: weights of {metadata[NETWORK]}, a part of a system, not a system's checkpoint")
    if KEY not in metadata:
        raise CheckpointError(f"{path}: not a longtake checkpoint; convert it with: longtake models convert")
    try:
        return Card(**json.loads(metadata[KEY]))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: its card cannot be read ({error}); is it from a newer longtake?") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint, floats as float32. Raises CheckpointError where the file is damaged."""
    check_trained(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error}); is it cut off?") from error
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def load_checkpoint(
    path: Path, settings: Mapping[str, Any] | None = None, *, surplus: bool = False
) -> tuple[AnySystem, Card]:
    """The trained system of a checkpoint, in evaluation mode; settings override switches of its preset.

    surplus: whether the file may hold weights of parts that the settings switch off. Raises CheckpointError where file
    and preset do not fit.
    """
    card = read_card(path)
    system = preset_of(card, str(path), settings).build()
    weights = read_weights(path)
    fill(system, of_parts(system, weights) if surplus else weights, str(path))
    return system.eval(), card


def preset_of(card: Card, origin: str, settings: Mapping[str, Any] | None = None) -> Preset:
    """The preset of a card, with its options. Raises CheckpointError where the package that has it is missing."""
    if card.package and card.preset not in names():
        raise CheckpointError(
            f"{origin}: its preset {card.preset} comes with the package {card.package}, which is not installed here; "
            f"install it: pip install {card.package}"
        )
    return preset(card.preset, {**card.options, **(settings or {})})


def fill(system: AnySystem, weights: Mapping[str, Tensor], origin: str) -> None:
    """Load weights by name, shapes checked. Raises CheckpointError naming what is missing, unknown or misshaped."""
    if problems := misfits(system, weights):
        raise CheckpointError(f"{origin}: {len(problems)} tensors do not fit the preset: {'; '.join(problems[:3])}")
    with torch.no_grad():
        system.load_state_dict(dict(weights), strict=False)


def of_parts(system: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those weights that the system has a place for."""
    places = system.state_dict()
    return {name: tensor for name, tensor in weights.items() if name in places}


def misfits(system: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """What is missing, unknown or misshaped among weights, in words."""
    wanted = {k: v for k, v in system.state_dict().items() if not k.endswith("num_batches_tracked")}
    problems = [f"lacks {name}" for name in wanted if name not in weights]
    problems += [f"has unknown {name}" for name in weights if name not in wanted]
    problems += [
        f"{name} is {tuple(weights[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    return problems
