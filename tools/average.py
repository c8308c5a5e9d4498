"""The mean of two models of one preset: python tools/average.py A B OUT.safetensors.

A and B are checkpoints of longtake, or a run's checkpoint.pt, of which its averaged weights are taken (its weights,
where it keeps no average).
"""

import sys
from pathlib import Path

import torch

from longtake.systems.checkpoint import Card, read_card, read_weights, save_checkpoint


def weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name."""
    if path.suffix != ".pt":
        return read_weights(path)
    state = torch.load(path, weights_only=True)
    average = state["average"]
    if average is None:
        return dict(state["system"])
    return {name.removeprefix("module."): value for name, value in average.items() if name.startswith("module.")}


def main() -> None:
    """Write the mean."""
    first, second, out = map(Path, sys.argv[1:])
    a, b = weights(first), weights(second)
    mean = {name: (value + b[name]) / 2 for name, value in a.items() if value.is_floating_point()}
    known = next((read_card(path) for path in (first, second) if path.suffix != ".pt"), Card("stm-mobilenet-v2"))
    save_checkpoint(out, mean, Card(known.preset, known.options, training=f"mean of {first.name} and {second.name}"))
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()
