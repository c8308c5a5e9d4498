"""Whether a weight file is there, and a model, not what training goes on from; loads nothing."""

from pathlib import Path

from longtake.errors import CheckpointError

TRAINING = "checkpoint.pt"
"""What a run of training goes on from, in its folder."""


def check_trained(path: Path) -> None:
    """Raises CheckpointError where training has not come to the model, but to a checkpoint in its folder."""
    if path.name == TRAINING or (not path.exists() and path.with_name(TRAINING).is_file()):
        flaw = "a training checkpoint, no model yet" if path.name == TRAINING else f"not there yet, only {TRAINING}"
        raise CheckpointError(f"{path}: {flaw}; finish the run with: longtake train --resume {path.parent}")


def check_weights(path: Path) -> None:
    """Raises CheckpointError where there is no such file, or training has not come to it."""
    check_trained(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
