"""Weights that other projects published: read from their files, and brought to this project's names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longtake.errors import CheckpointError
from longtake.systems.checkpoint import Card

PARALLEL = "module."
"""What DataParallel puts before every name."""


@dataclass(frozen=True)
class Converted:
    """A system's weights and their card. taken: how many tensors are the file's own; the others are new."""

    weights: dict[str, Tensor]
    taken: int
    card: Card


def read_official(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle, loaded in weights-only mode, also out of a training state that holds `state_dict`.

    `module.` is removed where every name has it. Raises CheckpointError.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: not a weight file that loads in weights-only mode ({reason})") from error
    tensors = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not isinstance(tensors, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()
    ):
        raise CheckpointError(f"{path}: holds no state dict of named tensors")
    start = PARALLEL if all(name.startswith(PARALLEL) for name in tensors) else ""
    return {name.removeprefix(start): tensor for name, tensor in tensors.items()}


def renamed(
    tensors: Mapping[str, Tensor], rename: Callable[[str], str | None], whose: str, origin: str
) -> dict[str, Tensor]:
    """Tensors in float32 under the names that `rename` gives; where it gives None, raises CheckpointError naming all.

    whose: the network that they should be of. origin: the file, for the message.
    """
    names = {name: rename(name) for name in tensors}
    unmapped = [name for name, ours in names.items() if ours is None]
    if unmapped:
        raise CheckpointError(f"{origin}: {len(unmapped)} tensors are not {whose}'s: {', '.join(unmapped)}")
    return {ours: tensors[name].float() for name, ours in names.items() if ours is not None}


def swapped(name: str, table: Mapping[str, str], start: str = "") -> str | None:
    """The name with the beginning that the table has for its own, after `start`; None where it has none."""
    for theirs, ours in table.items():
        if name.startswith(theirs):
            return start + ours + name.removeprefix(theirs)
    return None
